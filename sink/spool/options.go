// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hydra-logger/hydra/internal/osfile"
)

// Options configures a Sink. The zero value, and a nil *Options, keep at most
// 1 GiB and leave it to the system when the disk has it. A value that is not allowed
// is an error of Open.
type Options struct {
	// MaxBytes is how many bytes the spool may have on the disk, those aside that
	// are kept as *.bad. When it is full Write returns an error that wraps ErrFull,
	// and records go the way of a sink that fails. Zero means 1 GiB; the least is
	// 4096.
	MaxBytes int64

	// SegmentBytes is the size of the files that the spool consists of, in bytes. The
	// space of one is free again when the inner sink has taken all of it. A record that
	// is larger has one of its own. Zero means 8 MiB, or a quarter of MaxBytes if
	// that is less; the least is 1024, the most 1 GiB, or MaxBytes if that is less.
	SegmentBytes int64

	// Patience is how long the inner sink may fail, or not return, until its batch
	// is spooled. Write waits that long, once for an outage. Zero means 500 ms; the
	// least is a nanosecond, which hardly waits.
	Patience time.Duration

	// RetryMost is the longest pause between two tries of the inner sink. The first
	// one is a millisecond, and it doubles; what a pause really takes is chosen at
	// random between its half and its whole. Zero means 10 seconds; the least is a
	// millisecond.
	RetryMost time.Duration

	// Sync says when the disk has what is in the spool, and with it what Flush
	// promises. Zero is SyncNever.
	Sync Sync
}

// Sync is a policy of bringing the spool to the disk. Whatever it is, a record in
// the spool survives the end of the process.
type Sync int

// The policies, from the cheapest to the safest.
const (
	// SyncNever leaves it to the system, which takes half a minute or so. What is in
	// the spool may be lost with the power, also after Flush.
	SyncNever Sync = iota

	// SyncFlush waits for the disk in Flush, and at the end of a segment: what was
	// in the spool then survives a loss of power. Flush of the inner sink is called
	// before a segment is removed.
	SyncFlush

	// SyncBatch is SyncFlush, and Write too waits for the disk when it spools: what
	// it spooled survives a loss of power, unless the next Flush says that it could
	// not be brought to the disk. Expect some hundred to a few thousand
	// batches a second.
	SyncBatch
)

// withDefaults returns o with what zero stands for.
func (o Options) withDefaults() Options {
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = min(8<<20, max(o.MaxBytes/4, segmentLeast))
	}
	if o.Patience == 0 {
		o.Patience = 500 * time.Millisecond
	}
	if o.RetryMost == 0 {
		o.RetryMost = 10 * time.Second
	}
	return o
}

const (
	maxLeast     = 4 << 10
	segmentLeast = 1 << 10
	segmentMost  = 1 << 30
)

// check returns every mistake in what New was given, each with the name of its
// field.
func (s *Sink) check() []error {
	o := &s.opts
	var mistakes []error
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	if s.inner == nil {
		wrong("inner: it is nil: give the sink that the spool is for")
	}
	if err := checkFolder(s.given, s.dir); err != nil {
		wrong("dir: %w", err)
	}
	enough := o.MaxBytes >= maxLeast
	if !enough {
		wrong("Options.MaxBytes: %d is less than %d: give it at least that, or leave it out, which means 1 GiB", o.MaxBytes, maxLeast)
	}
	switch {
	case o.SegmentBytes < segmentLeast || o.SegmentBytes > segmentMost:
		wrong("Options.SegmentBytes: %d is not between %d and %d: choose one of them, or leave it out, which means 8 MiB, or a quarter of Options.MaxBytes if that is less", o.SegmentBytes, segmentLeast, segmentMost)
	case o.SegmentBytes > o.MaxBytes && enough: // else it may be right
		wrong("Options.SegmentBytes: %d is more than Options.MaxBytes, %d: give it %d, or leave it out, which means the same",
			o.SegmentBytes, o.MaxBytes, Options{MaxBytes: o.MaxBytes}.withDefaults().SegmentBytes)
	}
	if o.Patience < 0 {
		wrong("Options.Patience: %v is negative: give it a time, or leave it out, which means 500ms", o.Patience)
	}
	if o.RetryMost < 0 || o.RetryMost > 0 && o.RetryMost < retryFirst {
		wrong("Options.RetryMost: %v is less than %v: give it at least that, or leave it out, which means 10s", o.RetryMost, retryFirst)
	}
	if o.Sync < SyncNever || o.Sync > SyncBatch {
		wrong("Options.Sync: there is no policy %d: use SyncNever, SyncFlush or SyncBatch", o.Sync)
	}
	return mistakes
}

// checkFolder returns why a folder cannot be the spool's. One that is missing can
// be made.
func checkFolder(given, dir string) error {
	i := strings.IndexFunc(given, func(r rune) bool { return r < ' ' || r == 0x7f })
	switch {
	case given == "":
		return errors.New("it is empty: name a folder")
	case i >= 0:
		return fmt.Errorf("it contains the control character %q: remove it", given[i])
	}
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(dir)); err != nil {
			return fmt.Errorf("the folder that it should be made in is missing: create it (%w)", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return acceptable(info)
}

// acceptable returns why a folder that exists cannot be the spool's.
func acceptable(info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return errors.New("it is a symbolic link: name the folder that it points to")
	}
	if !info.IsDir() {
		return errors.New("it is a file where a folder should be: choose another name")
	}
	if uid, ours := osfile.OwnedBy(info, 0); !ours {
		return fmt.Errorf("it belongs to the user %d, who could change what is in it: choose another folder", uid)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write to it (%v): chmod 700", info.Mode().Perm())
	}
	return nil
}
