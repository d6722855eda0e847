// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Quickstart runs a small web service that logs to four layers, sends it some
// hundred requests, and shows what became of every record. It ends by itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/sink/file"
)

func main() {
	o, exit := parse(os.Args[1:], os.Stderr)
	if exit >= 0 {
		os.Exit(exit)
	}
	if err := run(o.dir, o.requests); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// options are what the arguments say.
type options struct {
	dir      string
	requests int
}

// parse reads the arguments. It returns what to exit with at once, or -1 to go on.
func parse(args []string, errs io.Writer) (o options, exit int) {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.dir, "dir", "logs", "`folder` for the log files; those that are there go on")
	o.requests = 300
	flags.Func("requests", "how `many` requests to send (default 300)", func(s string) error {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return fmt.Errorf("give a whole number from 0 to %d", math.MaxInt32)
		}
		o.requests = int(n)
		return nil
	})
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return o, 0
	case err != nil:
		return o, 2 // flags has said why
	case flags.NArg() > 0:
		extra := flags.Arg(0)
		fmt.Fprintf(errs, "argument %q belongs to no flag: leave it out, or name the folder with -dir %q\n", extra, extra)
		flags.Usage()
		return o, 2
	}
	return o, -1
}

// config sends three layers to files of their own, and the rest to the console.
func config(dir string) hydra.Config {
	logFile := func(name string) *file.Sink { return file.New(filepath.Join(dir, name), &file.Options{MkdirAll: true}) }
	return hydra.Config{
		Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{Sink: hydra.Stdout(), Format: format.Console(nil)}}},
			"http":    {Destinations: []hydra.Destination{{Sink: logFile("http.jsonl")}}},
			"db": {Level: slog.LevelDebug, Destinations: []hydra.Destination{
				// So small a queue overflows under a burst. What it drops, it counts,
				// and "hydra audit" proves from the file.
				{Sink: logFile("db.jsonl"), Queue: hydra.Queue{Records: 64}, Audit: &hydra.Audit{}},
			}},
			"audit": {Destinations: []hydra.Destination{
				// A login is worth waiting for: the log call waits for room.
				{Sink: logFile("audit.jsonl"), Policy: hydra.Block, Audit: &hydra.Audit{}},
			}},
		},
		Extractors: []func(context.Context) []slog.Attr{hydra.Traceparent(traceparent)},
	}
}

func run(dir string, requests int) error {
	before, err := lines(dir)
	if err != nil {
		return err
	}
	h, err := hydra.Open(config(dir))
	if err != nil {
		return err
	}
	log := slog.New(h)
	log.Info("service starts", "requests", requests)

	s := newService(log)
	if err = s.serve(requests); err != nil {
		log.Error("service fails", "error", err)
	}
	bursts := s.store.overflow(h)
	log.Info("service ends", "bursts", bursts)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(err, h.Close(ctx)); err != nil {
		return err // closed all the same: what was logged until then is on file
	}
	return report(dir, before, h.Health())
}
