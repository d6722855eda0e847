// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A killer starts processes and sees how they die.
type killer struct {
	config
	logs, rings string // folders
	group       string // cgroup with little memory; empty if there is none
	random      *rand.Rand
	names       []string // of the ways that this machine has

	lives    []life
	ledger   *ledger
	progress progress
	atDeath  map[int]int // records of a life that were in the files when it ended
}

func newKiller(w io.Writer, c config, logs, rings string) *killer {
	k := &killer{
		config: c, logs: logs, rings: rings, random: rand.New(rand.NewPCG(c.seed, 0)),
		names:  slices.Sorted(maps.Keys(ways)),
		ledger: newLedger(), progress: progress{offsets: make(map[string]int64), count: make(map[int]int)},
		atDeath: make(map[int]int),
	}
	var err error
	if k.group, err = newGroup(); err != nil {
		fmt.Fprintln(w, "nobody runs out of memory, for there is no cgroup:", err)
		k.names = slices.DeleteFunc(k.names, func(name string) bool { return name == outOfMemory })
	}
	return k
}

// release gives back what the killer has of the system.
func (k *killer) release() {
	if k.group != "" {
		_ = os.Remove(k.group) // the system may need a moment more
	}
}

// kill lets one process live and die.
func (k *killer) kill() error {
	o := orders{
		Life: len(k.lives), Mode: k.mode, Logs: k.logs, Rings: k.rings,
		Way: sigkill, After: 50*time.Millisecond + rand100(k.random, 3),
	}
	one := life{way: sigkill}
	switch k.random.IntN(8) {
	case 0, 1, 2: // killed
	case 3: // killed before or while it recovers
		one = life{way: sigkill + " early", early: true}
		o.After = rand100(k.random, 1) / 2
	default:
		o.Way = k.names[k.random.IntN(len(k.names))]
		one.way = o.Way
	}
	if o.Way == outOfMemory {
		o.Group = k.group
	}
	k.lives = append(k.lives, one)
	if err := k.watch(o, one.early); err != nil {
		return fmt.Errorf("life %d, %s: %w", o.Life, one.way, err)
	}
	if err := k.count(o.Life); err != nil {
		return err
	}
	err := k.progress.read(k.logs)
	k.atDeath[o.Life] = k.progress.count[o.Life]
	return err
}

// rand100 returns a random time of up to n times 100 ms.
func rand100(r *rand.Rand, n int64) time.Duration {
	return time.Duration(r.Int64N(n * int64(100*time.Millisecond)))
}

// finish lets the last process recover and end well.
func (k *killer) finish() error {
	if err := k.watch(orders{Life: len(k.lives), Mode: k.mode, Logs: k.logs, Rings: k.rings}, false); err != nil {
		return fmt.Errorf("the last life: %w", err)
	}
	return nil
}

// patience is how long a process may take to recover, or to die of itself.
const patience = 30 * time.Second

// watch runs a process to its end, and returns an error if that is not the one that
// it should have.
func (k *killer) watch(o orders, early bool) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	p, err := openPage(pagePath(k.logs, o.Life))
	if err != nil {
		return err
	}
	defer p.close()
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), ordersEnv+"="+string(text), "GOTRACEBACK=none")
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the process
	wait := func(d time.Duration, until func() bool) bool {
		for limit := time.Now().Add(d); time.Now().Before(limit); {
			select {
			case err := <-ended:
				ended <- err
				return false
			case <-time.After(time.Millisecond):
			}
			if until() {
				return true
			}
		}
		return true
	}
	if o.Way == sigkill {
		if early || wait(patience, func() bool { return p.words[readyWord].Load() != 0 }) {
			wait(o.After, func() bool { return false })
		}
		_ = cmd.Process.Kill() // it has ended if that fails, and should not have
	} else if wait(patience+o.After, func() bool { return false }) {
		_ = cmd.Process.Kill()
		err = fmt.Errorf("it did not end within %v", patience+o.After)
	}
	<-ended // the state says more
	return errors.Join(err, asTold(o, early, p, cmd.ProcessState, stderr.Bytes()))
}

// asTold returns an error if a process did not end as it should have.
func asTold(o orders, early bool, p page, state *os.ProcessState, stderr []byte) error {
	status := state.Sys().(syscall.WaitStatus)
	want := ways[o.Way] // nothing for the last life
	ok := status.Signaled() == (want.signal != 0) && (!status.Signaled() || status.Signal() == want.signal)
	if want.signal == 0 {
		ok = ok && status.ExitStatus() == want.status
	}
	switch {
	case o.Way == sigkill && !early:
		ok = ok && p.words[readyWord].Load() != 0
	case o.Way != sigkill && o.Way != "":
		ok = ok && p.words[dyingWord].Load() != 0
	}
	if !ok {
		return fmt.Errorf("it ended with %v; it said: %s", state, stderr)
	}
	return nil
}

// count reads what a dead process had acknowledged.
func (k *killer) count(life int) error {
	p, err := openPage(pagePath(k.logs, life))
	if err != nil {
		return err
	}
	defer p.close()
	for n := range producers {
		k.ledger.acknowledge(life, n, int(p.count(n).Load()))
	}
	return nil
}
