// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"github.com/hydra-logger/hydra/sink/file"
)

// A mortal is a file system for a program that dies: at a planned call, of which it
// does a part if it is a write. From then on nothing has an effect.
type mortal struct {
	file.System
	snapshot func() error // of what outlives the program

	mu     sync.Mutex
	ended  bool  // guarded by mu
	until  int   // guarded by mu; calls until it dies, 0 for never
	most   int   // guarded by mu; bytes that the last write takes
	shorts []int // guarded by mu; bytes that the next writes take before they fail
	failed error // guarded by mu; of a snapshot
}

var errDead = errors.New("the program is dead")

// plan makes it die at a later call, if that is a write after so many bytes.
func (m *mortal) plan(calls, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.until, m.most = calls, bytes
}

// fail makes one more of the next writes fail after so many bytes.
func (m *mortal) fail(after int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shorts = append(m.shorts, after)
}

// forgive takes back the failures.
func (m *mortal) forgive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shorts = nil
}

// heal takes back all that was planned.
func (m *mortal) heal() {
	m.forgive()
	m.plan(0, 0)
}

func (m *mortal) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended
}

// alive calls f unless it is dead, and does not die meanwhile.
func (m *mortal) alive(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		f()
	}
}

// die ends it now.
func (m *mortal) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dieLocked()
}

func (m *mortal) dieLocked() {
	if !m.ended {
		m.ended = true
		m.failed = m.snapshot()
	}
}

// call is one call of the file system, which is done under mu so that nobody dies
// in the middle of it.
func (m *mortal) call(f func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.diesNowLocked() {
		return errDead
	}
	return f()
}

func (m *mortal) diesNowLocked() bool {
	if m.until > 0 {
		if m.until--; m.until == 0 {
			m.dieLocked()
		}
	}
	return m.ended
}

func (m *mortal) Write(f *os.File, p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.ended; m.diesNowLocked() {
		if before {
			return 0, errDead
		}
		n, _ := m.System.Write(f, p[:min(m.most, len(p))])
		return n, errDead
	}
	if len(m.shorts) == 0 {
		return m.System.Write(f, p)
	}
	short := m.shorts[0]
	m.shorts = m.shorts[1:]
	n, err := m.System.Write(f, p[:min(short, len(p))])
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

func (m *mortal) OpenFile(name string, flag int, perm fs.FileMode) (f *os.File, err error) {
	err = m.call(func() error {
		f, err = m.System.OpenFile(name, flag, perm)
		return err
	})
	return f, err
}

func (m *mortal) Lstat(name string) (info fs.FileInfo, err error) {
	err = m.call(func() error {
		info, err = m.System.Lstat(name)
		return err
	})
	return info, err
}

func (m *mortal) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = m.call(func() error {
		entries, err = m.System.ReadDir(name)
		return err
	})
	return entries, err
}

func (m *mortal) Rename(folder *os.File, oldname, newname string) error {
	return m.call(func() error { return m.System.Rename(folder, oldname, newname) })
}

func (m *mortal) Remove(name string) error {
	return m.call(func() error { return m.System.Remove(name) })
}

func (m *mortal) Truncate(f *os.File, size int64) error {
	return m.call(func() error { return m.System.Truncate(f, size) })
}

func (m *mortal) Sync(f *os.File) error {
	return m.call(func() error { return m.System.Sync(f) })
}
