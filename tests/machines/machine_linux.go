package machines

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Machine is a place that programs run on.
type Machine struct {
	Name    string
	Address netip.Addr

	wire *os.File    // its packets
	do   chan func() // run by the thread that lives there; nil: this process does
}

// Start starts a command on the machine. It is killed with this process.
func (m *Machine) Start(command *exec.Cmd) error {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true // a typed interrupt is for us
	if m.do == nil {
		return command.Start()
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return m.there(command.Start)
}

// there does something on the machine: a child gets the namespace of the thread
// that starts it.
func (m *Machine) there(f func() error) error {
	result := make(chan error)
	m.do <- func() { result <- f() }
	return <-result
}

// Join adds a machine to the network, with the next address.
func (n *Network) Join(name string) (*Machine, error) {
	m := &Machine{Name: name, do: make(chan func())}
	go func() {
		runtime.LockOSThread() // for ever: with this goroutine the thread ends
		for f := range m.do {
			f()
		}
	}()
	err := m.there(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("a network namespace: %w", err)
		}
		return n.wire(m)
	})
	return m, err
}

// Here makes this process one of the machines: it reaches the others and is
// reached by them.
func (n *Network) Here(name string) (*Machine, error) {
	m := &Machine{Name: name}
	return m, n.wire(m)
}

// wire connects the namespace that the calling thread is in.
func (n *Network) wire(m *Machine) error {
	address, err := n.next()
	if err != nil {
		return err
	}
	m.Address = address
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("/dev/net/tun: %w", err)
	}
	if err := connect(fd, address); err != nil {
		unix.Close(fd)
		return fmt.Errorf("the wire of %s: %w", m.Name, err)
	}
	// Not before it is connected: Go would wait for a wire that never has packets.
	m.wire = os.NewFile(uintptr(fd), "wire of "+m.Name)
	n.add(m)
	return nil
}

const (
	wireName = "wire0"
	// Few large packets are cheaper to carry than many small ones.
	largestPacket = 32 << 10
)

// connect makes the interface and gives it its address.
func connect(wire int, address netip.Addr) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	ip := address.As4()
	return steps{
		{wire, wireName, unix.TUNSETIFF, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI); return nil }},
		{socket, wireName, unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(largestPacket); return nil }},
		{socket, wireName, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(ip[:]) }},
		{socket, wireName, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr(mask) }},
		{socket, wireName, unix.SIOCSIFFLAGS, up},
		{socket, loopback, unix.SIOCSIFFLAGS, up},
	}.take()
}

const loopback = "lo"

// loop lets this process reach itself, as on every machine.
func loop() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	return steps{{socket, loopback, unix.SIOCSIFFLAGS, up}}.take()
}

func up(r *unix.Ifreq) error {
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return nil
}

// steps set interfaces up.
type steps []struct {
	fd      int
	name    string
	request uint
	set     func(*unix.Ifreq) error
}

func (all steps) take() error {
	for _, step := range all {
		request, err := unix.NewIfreq(step.name)
		if err == nil {
			err = step.set(request)
		}
		if err == nil {
			err = unix.IoctlIfreq(step.fd, step.request, request)
		}
		if err != nil {
			return fmt.Errorf("%s, request %#x: %w", step.name, step.request, err)
		}
	}
	return nil
}

// Disk puts a disk of so many bytes at a directory, which is made. It is gone
// with this process, and what was on it.
func Disk(dir string, size int64) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("disk", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		return fmt.Errorf("a disk at %s: %w", dir, err)
	}
	return nil
}
