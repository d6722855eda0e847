// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// system is what a sink asks of the operating system. Tests put a system in its
// place that fails when they want.
type system interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	MkdirAll(name string, perm fs.FileMode) error

	// Rename gives a file of a folder another name. It never replaces one: that
	// is fs.ErrExist.
	Rename(folder *os.File, oldname, newname string) error
	Remove(name string) error

	Write(f *os.File, p []byte) (int, error)
	Truncate(f *os.File, size int64) error
	Sync(f *os.File) error
}

// onFile has the calls that need an open file only.
type onFile struct{}

func (onFile) Write(f *os.File, p []byte) (int, error) { return f.Write(p) }
func (onFile) Truncate(f *os.File, size int64) error   { return f.Truncate(size) }
func (onFile) Sync(f *os.File) error                   { return f.Sync() }

// everywhere is the system without confinement.
type everywhere struct{ onFile }

func (everywhere) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}
func (everywhere) Lstat(name string) (fs.FileInfo, error)       { return os.Lstat(name) }
func (everywhere) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(name) }
func (everywhere) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (everywhere) Remove(name string) error                     { return os.Remove(name) }
func (everywhere) Rename(folder *os.File, oldname, newname string) error {
	return rename(folder, oldname, newname, names{os.Link, os.Remove, os.Lstat, os.Rename})
}

// below is the system below a folder, which no name and no link leaves. It opens
// the folder for every call: a folder that was deleted and made again will do.
type below struct {
	onFile
	folder string
	sub    string // a folder in it to be below, which no link on the way to it leaves; may be empty
}

func (b below) OpenFile(name string, flag int, perm fs.FileMode) (f *os.File, err error) {
	err = b.do(func(r *os.Root) error {
		f, err = r.OpenFile(name, flag, perm)
		return err
	})
	return f, err
}

func (b below) Lstat(name string) (info fs.FileInfo, err error) {
	err = b.do(func(r *os.Root) error {
		info, err = r.Lstat(name)
		return err
	})
	return info, err
}

func (b below) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = b.do(func(r *os.Root) error {
		folder, err := r.OpenFile(name, asFolder, 0)
		if err != nil {
			return err
		}
		defer folder.Close()
		entries, err = folder.ReadDir(-1)
		return err
	})
	return entries, err
}

func (b below) MkdirAll(name string, perm fs.FileMode) error {
	return b.do(func(r *os.Root) error { return r.MkdirAll(name, perm) })
}

func (b below) Remove(name string) error {
	return b.do(func(r *os.Root) error { return r.Remove(name) })
}

func (b below) Rename(folder *os.File, oldname, newname string) error {
	return b.do(func(r *os.Root) error {
		return rename(folder, oldname, newname, names{r.Link, r.Remove, r.Lstat, r.Rename})
	})
}

func (b below) do(f func(*os.Root) error) error {
	// OpenRoot would wait for a named pipe; with a dot behind it that is no folder.
	const dot = string(filepath.Separator) + "."
	r, err := os.OpenRoot(b.folder + dot)
	if err != nil {
		return missing(err)
	}
	defer r.Close()
	if b.sub != "" {
		if r, err = r.OpenRoot(b.sub + dot); err != nil {
			return missing(err)
		}
		defer r.Close()
	}
	return f(r)
}

// missing marks an error of opening a root that is not there: Options.MkdirAll does
// not make that.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", errNoRoot, err)
	}
	return err
}

// names has the calls that change names.
type names struct {
	link   func(oldname, newname string) error
	remove func(name string) error
	lstat  func(name string) (fs.FileInfo, error)
	rename func(oldname, newname string) error
}

// rename renames without replacing: in one step where the system can, and else by
// a second name for the file and the removal of the first. Who dies in between
// leaves a file with two names, which the next Open mends.
func rename(folder *os.File, oldname, newname string, call names) error {
	err := renameExclusive(folder, filepath.Base(oldname), filepath.Base(newname))
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return renameSlowly(oldname, newname, call)
}

// renameSlowly is rename where the system cannot do it in one step.
func renameSlowly(oldname, newname string, call names) error {
	err := call.link(oldname, newname)
	if err == nil {
		return call.remove(oldname)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// There are no hard links here. The lock on the folder keeps others of our
	// kind from taking the name between the two calls.
	if _, err := call.lstat(newname); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	return call.rename(oldname, newname)
}
