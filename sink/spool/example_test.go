// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

// far is a sink far away.
type far struct{ away bool }

func (c *far) Open(context.Context) error {
	if c.away {
		return errors.New("connection refused")
	}
	return nil
}

func (c *far) Write(_ context.Context, b sink.Batch) (int, error) {
	fmt.Printf("collected: %s", b.Bytes)
	return len(b.Bytes), nil
}

func (c *far) Flush(context.Context) error { return nil }
func (c *far) Close(context.Context) error { return nil }

// The collector is away when a program runs, and back when it runs again.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	run := func(c *far, line string) {
		s := spool.New(c, filepath.Join(dir, "collector"), &spool.Options{MaxBytes: 256 << 20})
		if err := s.Open(ctx); err != nil {
			fmt.Println(err)
			return
		}
		if _, err := s.Write(ctx, sink.Batch{Bytes: []byte(line), Ends: []int{len(line)}}); err != nil {
			fmt.Println(err)
		}
		if err := s.Close(ctx); err != nil {
			fmt.Println(err)
		}
		fmt.Println("left for the next run:", s.Held())
	}
	run(&far{away: true}, "first\n")
	run(&far{}, "second\n")
	// Output:
	// left for the next run: 1
	// collected: first
	// collected: second
	// left for the next run: 0
}

// At most 4 GB, which survive a loss of power once Flush has returned.
func ExampleOptions() {
	collector := &far{}
	s := spool.New(collector, "/var/spool/app", &spool.Options{MaxBytes: 4 << 30, Sync: spool.SyncFlush})
	fmt.Println(s)
	// Output: *spool_test.far, spool /var/spool/app
}
