// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !unix && !windows

package hydra

import (
	"context"
	"errors"
	"os"

	"github.com/hydra-logger/hydra/sink"
)

// descriptor is a standard stream where descriptors cannot be duplicated, as in
// WebAssembly. There is no SIGPIPE there either.
type descriptor struct {
	file *os.File // immutable, not ours to close
	turn turn     // immutable
}

// streamID is the file itself.
type streamID *os.File

// standardName returns the name of f if it is a standard stream, and "" if not.
func standardName(f *os.File) string {
	switch f {
	case os.Stdout:
		return "stdout"
	case os.Stderr:
		return "stderr"
	}
	return ""
}

func dupFile(f *os.File) (*descriptor, error) {
	return &descriptor{file: f, turn: turnFor(f)}, nil
}

func dupStderr() (*descriptor, error) { return dupFile(os.Stderr) }

// write writes b in one call and returns how much of it was taken.
func (d *descriptor) write(ctx context.Context, b sink.Batch) (int, error) {
	if err := d.turn.take(ctx); err != nil {
		return 0, err
	}
	defer d.turn.give()
	return d.file.Write(b.Bytes)
}

// close leaves the stream open, as there is no duplicate.
func (d *descriptor) close() error { return nil }

// syncUnsupported reports whether err only says that this kind of file cannot
// be synced.
func syncUnsupported(err error) bool { return errors.Is(err, errors.ErrUnsupported) }
