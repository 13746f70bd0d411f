package leash

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Role says what this program is, started again by a test.
const role = "LEASH_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "parent":
		beParent()
	case "child":
		beChild()
	default:
		os.Exit(m.Run())
	}
}

// again is this program in another role.
func again(as string, files ...*os.File) *exec.Cmd {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), role+"="+as)
	command.Stderr = os.Stderr
	command.ExtraFiles = files
	return command
}

// beParent starts a child, which gets the file that the parent has got.
func beParent() {
	file := os.NewFile(3, "file")
	if err := Start(again("child", file)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	file.Close()
	fmt.Println("ready")
	time.Sleep(time.Minute) // it is killed before
}

// beChild holds its file open for as long as it lives.
func beChild() { time.Sleep(time.Minute) }

// A parent that is killed has no time to end its child.
func TestAChildEndsWithItsParent(t *testing.T) {
	open, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	parent := again("parent", held)
	said, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	held.Close()
	line, err := bufio.NewReader(said).ReadString('\n')
	_ = parent.Process.Kill()
	_ = parent.Wait() // it was killed
	if line != "ready\n" || err != nil {
		t.Fatalf("the parent said %q, %v", line, err)
	}
	_ = open.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := open.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the child outlives its parent: %v", err)
	}
}

// A thread that ends does not take with it what was started from it.
func TestAChildOutlivesTheThreadOfItsStarter(t *testing.T) {
	child := exec.Command("cat")
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	thread := make(chan int)
	for lost := os.Getpid(); lost == os.Getpid(); { // the first thread never ends
		go func() {
			runtime.LockOSThread() // for ever: with this goroutine the thread ends
			if syscall.Gettid() != os.Getpid() {
				err = Start(child)
			}
			thread <- syscall.Gettid()
		}()
		lost = <-thread
		for end := time.Now().Add(20 * time.Second); lost != os.Getpid(); time.Sleep(time.Millisecond) {
			if _, gone := os.Stat(fmt.Sprintf("/proc/self/task/%d", lost)); gone != nil {
				break
			} else if time.Now().After(end) {
				t.Fatal("the thread does not end")
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer input.Close()
	if _, err := io.WriteString(input, "there\n"); err != nil {
		t.Error(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "there\n" {
		t.Errorf("the child said %q, %v", line, err)
	}
}
