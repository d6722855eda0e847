// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

// Command crash kills programs that log, and looks for what they had logged:
//
//	go run ./internal/crash -kills 300 -mode durable
//
// It starts one process after the other. Each logs from several goroutines into a
// file that rotates, through a queue in memory or a durable one, and counts, in
// memory that outlives it, the records whose Handle returned nil. Each dies at a
// random moment in a random way. The next one recovers what it left; the last one
// recovers and ends well. Then all files are read, and a table says, for each way of
// dying: how many records were acknowledged, how many are in the files, how many of
// those a later process brought there, and how many are lost, there twice, torn, or
// out of order; how many are there whose Handle had not returned, at most one for each
// goroutine that died; and how many that nobody logged.
//
// In mode durable it fails if any record is lost, twice, torn, out of order or nobody's, or
// if the audit trail of the files does not prove them. In mode memory records may be lost,
// at most what a queue and a batch hold, and the file may have a torn line.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/hydra-logger/hydra/internal/audit"
)

func main() {
	if o, ok := inLife(); ok {
		live(o) // does not return
	}
	var c config
	flag.IntVar(&c.kills, "kills", 300, "how many processes die")
	flag.StringVar(&c.mode, "mode", durableMode, "the `kind` of queue: durable or memory")
	flag.Uint64Var(&c.seed, "seed", 0, "of the moments and ways of dying; 0 is another one each time")
	flag.Parse()
	if flag.NArg() > 0 || c.kills < 1 || c.mode != durableMode && c.mode != memoryMode {
		fmt.Fprintf(os.Stderr, "crash: want at least one kill, -mode %s or %s, and no arguments\n", durableMode, memoryMode)
		flag.Usage()
		os.Exit(2)
	}
	if c.seed == 0 {
		c.seed = rand.Uint64()
	}
	if err := run(os.Stdout, c); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

const durableMode, memoryMode = "durable", "memory"

type config struct {
	kills int
	mode  string
	seed  uint64
}

// run kills, reads and judges. What it wrote stays where something was wrong.
func run(w io.Writer, c config) (err error) {
	// The children die with the thread that started them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	logs, rings, err := folders("/dev/shm")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			fmt.Fprintf(w, "what there is to see is in %s and %s\n", logs, rings)
			return
		}
		err = errors.Join(os.RemoveAll(logs), os.RemoveAll(rings))
	}()
	fmt.Fprintf(w, "%d deaths, mode %s, seed %d\n", c.kills, c.mode, c.seed)
	begin := time.Now()
	k := newKiller(w, c, logs, rings)
	defer k.release()
	for range c.kills {
		if err := k.kill(); err != nil {
			return err
		}
	}
	if err := k.finish(); err != nil {
		return err
	}
	files, err := logFiles(logs)
	if err != nil {
		return err
	}
	for _, path := range files {
		if _, err := readLines(path, 0, true, k.ledger.line); err != nil {
			return err
		}
	}
	total, worst := tabulate(w, k.lives, k.ledger, k.atDeath)
	fmt.Fprintf(w, "%d files, %d lines of hydra's own, %v\n", len(files), k.ledger.told, time.Since(begin).Round(time.Second))
	if c.mode == durableMode {
		if err := prove(w, files); err != nil {
			return err
		}
	}
	left, err := filepath.Glob(filepath.Join(rings, "*"))
	if err != nil {
		return err
	}
	return verdict(w, c.mode, total, worst, left)
}

// folders makes one for log files, and in shm one for queues.
func folders(shm string) (logs, rings string, err error) {
	if logs, err = os.MkdirTemp("", "hydra-crash-"); err != nil {
		return "", "", err
	}
	if rings, err = os.MkdirTemp(shm, "hydra-crash-"); err != nil {
		return "", "", errors.Join(err, os.Remove(logs))
	}
	return logs, rings, nil
}

// auditKey is the key of the trail that a durable life leaves.
var auditKey = []byte("no secret, a key")

// prove asks the files' own trail whether they are whole.
func prove(w io.Writer, files []string) error {
	a := audit.New(auditKey)
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		err = errors.Join(a.Read(path, f), f.Close())
		if err != nil {
			return err
		}
	}
	r := a.Report()
	fmt.Fprintf(w, "audit trail: %d runs, %v\n", len(r.Runs), r.Verdict)
	if r.Verdict != audit.Proven {
		for _, run := range r.Runs {
			if run.Verdict != audit.Proven {
				fmt.Fprintf(w, "%+v\n", run)
			}
		}
		return errors.New("durable: the audit trail does not prove the files")
	}
	return nil
}

// verdict says what the total means: an error if something happened that may not.
func verdict(w io.Writer, mode string, total finding, worst int, left []string) error {
	if mode == durableMode {
		if total.lost+total.duplicated+total.torn+total.disordered+total.invented > 0 {
			return fmt.Errorf("durable: %d lost, %d duplicated, %d torn, %d disordered, %d invented; want none",
				total.lost, total.duplicated, total.torn, total.disordered, total.invented)
		}
		if len(left) > 0 {
			return fmt.Errorf("durable: files are left after recovery: %v", left)
		}
		return nil
	}
	const bound = 2 * queueRecords // what is queued, and what the writer has taken
	fmt.Fprintf(w, "memory: %.3f %% of what was acknowledged is lost, %d records at one death at most; the bound is what a queue and a batch hold, here less than %d\n",
		100*float64(total.lost)/float64(max(total.acknowledged, 1)), worst, bound)
	if worst >= bound || total.duplicated+total.disordered+total.invented > 0 {
		return fmt.Errorf("memory: %d lost at one death, %d duplicated, %d disordered, %d invented; want less than %d, and none",
			worst, total.duplicated, total.disordered, total.invented, bound)
	}
	return nil
}
