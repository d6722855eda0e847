// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package fault

import (
	"context"
	"io/fs"
	"os"
	"sync"
)

// FileSystem is what FS stands before: the calls of a program that keeps files.
type FileSystem interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	MkdirAll(name string, perm fs.FileMode) error
	Rename(folder *os.File, oldname, newname string) error
	Remove(name string) error
	Write(f *os.File, p []byte) (int, error)
	Truncate(f *os.File, size int64) error
	Sync(f *os.File) error
}

// The kinds of calls of an FS, beside Open and Write.
const (
	Lstat    = "lstat"
	ReadDir  = "readdir"
	MkdirAll = "mkdirall"
	Rename   = "rename"
	Remove   = "remove"
	Truncate = "truncate"
	Sync     = "sync"
)

// FS is a FileSystem that does as its scripts say, and otherwise what the one
// behind it does. A call that fails is not made; a short write is made as far as
// it goes. Its fields must not change after the first call; its methods may be
// called from any goroutine.
type FS struct {
	FileSystem                   // the one behind
	On         map[string]Script // by kind of call

	// Only picks the calls that scripts are asked about, and that count, by kind
	// and by the name of the file. Nil picks all.
	Only func(op, name string) bool

	mu     sync.Mutex
	counts map[string]int // guarded by mu
}

// Count returns how many calls of a kind were picked.
func (f *FS) Count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

// OpenFile does what On[Open] says.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (file *os.File, err error) {
	err = f.do(Open, name, func() error {
		file, err = f.FileSystem.OpenFile(name, flag, perm)
		return err
	})
	return file, err
}

// Lstat does what On[Lstat] says.
func (f *FS) Lstat(name string) (info fs.FileInfo, err error) {
	err = f.do(Lstat, name, func() error {
		info, err = f.FileSystem.Lstat(name)
		return err
	})
	return info, err
}

// ReadDir does what On[ReadDir] says.
func (f *FS) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = f.do(ReadDir, name, func() error {
		entries, err = f.FileSystem.ReadDir(name)
		return err
	})
	return entries, err
}

// MkdirAll does what On[MkdirAll] says.
func (f *FS) MkdirAll(name string, perm fs.FileMode) error {
	return f.do(MkdirAll, name, func() error { return f.FileSystem.MkdirAll(name, perm) })
}

// Rename does what On[Rename] says; its name is oldname.
func (f *FS) Rename(folder *os.File, oldname, newname string) error {
	return f.do(Rename, oldname, func() error { return f.FileSystem.Rename(folder, oldname, newname) })
}

// Remove does what On[Remove] says.
func (f *FS) Remove(name string) error {
	return f.do(Remove, name, func() error { return f.FileSystem.Remove(name) })
}

// Truncate does what On[Truncate] says.
func (f *FS) Truncate(file *os.File, size int64) error {
	return f.do(Truncate, file.Name(), func() error { return f.FileSystem.Truncate(file, size) })
}

// Sync does what On[Sync] says.
func (f *FS) Sync(file *os.File) error {
	return f.do(Sync, file.Name(), func() error { return f.FileSystem.Sync(file) })
}

// Write does what On[Write] says.
func (f *FS) Write(file *os.File, p []byte) (int, error) {
	var taken int
	var failed error
	n, err := f.script(Write, file.Name())(p, func(p []byte) {
		taken, failed = f.FileSystem.Write(file, p)
	})
	if failed != nil {
		return taken, failed
	}
	return n, err
}

// do makes a call unless its script fails it.
func (f *FS) do(op, name string, call func() error) error {
	var result error
	made := false
	_, err := f.script(op, name)([]byte{0}, func(p []byte) {
		// A script that fails takes nothing.
		if made = len(p) > 0; made {
			result = call()
		}
	})
	if made {
		return result
	}
	return err
}

// script counts a call and returns what carries it out.
func (f *FS) script(op, name string) func(p []byte, take func([]byte)) (int, error) {
	if f.Only != nil && !f.Only(op, name) {
		return func(p []byte, take func([]byte)) (int, error) {
			return Script(nil).do(context.Background(), 0, p, take)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = make(map[string]int)
	}
	f.counts[op]++
	nth := f.counts[op]
	return func(p []byte, take func([]byte)) (int, error) {
		return f.On[op].do(context.Background(), nth, p, take)
	}
}
