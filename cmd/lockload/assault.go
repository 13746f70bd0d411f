package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"lockstep/internal/leash"
)

// floodMode is the first argument of a process that attacks a node, so that what it
// costs to attack is not taken from those who are measured. It is not for people.
const floodMode = "flood-attacker"

// order is what such a process is told, on its standard input, where nobody sees it.
type order struct {
	Attack string
	Port   string
	Dir    string // of the gate
	Tokens map[string]string
}

// runAttacker is the whole of such a process: it reads its order, says that it is
// ready, attacks when it is told to, and says what came of it when its input ends.
func runAttacker(in io.Reader, out io.Writer) int {
	if err := assault(bufio.NewReader(in), out); err != nil {
		fmt.Fprintf(os.Stderr, "lockload: an attacker: %v\n", err)
		return 1
	}
	return 0
}

func assault(in *bufio.Reader, out io.Writer) error {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return err
	}
	what, ok := attackNamed(o.Attack)
	if !ok {
		return fmt.Errorf("there is no attack %q", o.Attack)
	}
	a, err := newAttacker(o.Port, &gate{dir: o.Dir, tokens: o.Tokens})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	if _, err := in.ReadBytes('\n'); err != nil {
		return nil // it was called off
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	return json.NewEncoder(out).Encode(a.run(ctx, what))
}

// assailant is an attacker that is ready.
type assailant struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// least gives a program the processors that nobody else wants, where there is a way to:
// attackers stand for other machines, and take nothing here from those who are measured.
func least(program string, args ...string) *exec.Cmd {
	for _, way := range [][]string{{"chrt", "--idle", "0"}, {"nice", "-n", "19"}} {
		if exec.Command(way[0], slices.Concat(way[1:], []string{"true"})...).Run() == nil {
			return exec.Command(way[0], slices.Concat(way[1:], []string{program}, args)...)
		}
	}
	return exec.Command(program, args...)
}

// send starts this program again, as an attacker.
func send(what attack, port string, g *gate) (*assailant, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	a := &assailant{cmd: least(self, floodMode)}
	a.cmd.Stderr = os.Stderr
	apart(a.cmd)
	if a.in, err = a.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	a.out = bufio.NewReader(stdout)
	if err := leash.Start(a.cmd); err != nil {
		return nil, fmt.Errorf("cannot start an attacker: %w", err)
	}
	err = json.NewEncoder(a.in).Encode(order{what.name, port, g.dir, g.tokens})
	if err == nil {
		_, err = a.out.ReadString('\n')
	}
	if err != nil {
		a.end()
		return nil, fmt.Errorf("an attacker does not get ready: %w", err)
	}
	return a, nil
}

// attack lets it go.
func (a *assailant) attack() error {
	_, err := io.WriteString(a.in, "go\n")
	return err
}

// callOff ends the attack and returns what came of it.
func (a *assailant) callOff() (came tried, err error) {
	defer a.end()
	if err := a.in.Close(); err != nil {
		return came, err
	}
	line, err := a.out.ReadBytes('\n')
	if err != nil {
		return came, errors.New("an attacker does not say what came of it")
	}
	return came, json.Unmarshal(line, &came)
}

// end ends the process by its id.
func (a *assailant) end() {
	a.in.Close()
	_ = a.cmd.Process.Kill() // it may have gone already
	_ = a.cmd.Wait()         // and was killed, which counts as an error
}
