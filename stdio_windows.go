// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"github.com/hydra-logger/hydra/sink"
)

// descriptor is a duplicate of a standard handle. It is an os.File because that
// is what turns UTF-8 into what a console shows.
type descriptor struct {
	file *os.File // immutable
	turn turn     // immutable
}

// streamID is the handle that was duplicated.
type streamID windows.Handle

// standardName returns the name of f if it is a standard handle, and "" if not.
func standardName(f *os.File) string {
	var name string
	conn, err := f.SyscallConn()
	if err != nil {
		return ""
	}
	_ = conn.Control(func(fd uintptr) {
		if h, err := windows.GetStdHandle(windows.STD_OUTPUT_HANDLE); err == nil && uintptr(h) == fd {
			name = "stdout"
		} else if h, err := windows.GetStdHandle(windows.STD_ERROR_HANDLE); err == nil && uintptr(h) == fd {
			name = "stderr"
		}
	})
	return name
}

// dupFile duplicates f's handle.
func dupFile(f *os.File) (*descriptor, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var d *descriptor
	if cerr := conn.Control(func(fd uintptr) { d, err = dupHandle(windows.Handle(fd), f.Name()) }); cerr != nil {
		return nil, cerr
	}
	return d, err
}

// dupStderr duplicates the standard error handle, whatever it is now.
func dupStderr() (*descriptor, error) {
	h, err := windows.GetStdHandle(windows.STD_ERROR_HANDLE)
	if err != nil {
		return nil, err
	}
	return dupHandle(h, "stderr")
}

func dupHandle(old windows.Handle, name string) (*descriptor, error) {
	// A program without a console, a service for instance, has no handle.
	if old == 0 || old == windows.InvalidHandle {
		return nil, windows.ERROR_INVALID_HANDLE
	}
	self := windows.CurrentProcess()
	var h windows.Handle
	if err := windows.DuplicateHandle(self, old, self, &h, 0, false, windows.DUPLICATE_SAME_ACCESS); err != nil {
		return nil, err
	}
	return &descriptor{file: os.NewFile(uintptr(h), name), turn: turnFor(streamID(old))}, nil
}

// write writes b in one call and returns how much of it was taken.
func (d *descriptor) write(ctx context.Context, b sink.Batch) (int, error) {
	if err := d.turn.take(ctx); err != nil {
		return 0, err
	}
	defer d.turn.give()
	return d.file.Write(b.Bytes)
}

// close closes the duplicate.
func (d *descriptor) close() error { return d.file.Close() }

// syncUnsupported reports whether err only says that this kind of file cannot
// be synced: a console answers that its handle is invalid.
func syncUnsupported(err error) bool {
	return errors.Is(err, windows.ERROR_INVALID_HANDLE) || errors.Is(err, errors.ErrUnsupported)
}
