// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/hydra-logger/hydra/internal/osfile"
	"github.com/hydra-logger/hydra/internal/stdfd"
)

// The names of the spool's files. All others in the folder are left alone.
const (
	lockName    = "spool.lock"
	cursorName  = "spool.cursor"
	segmentName = "spool-%016d.seg"
)

var (
	isSegment    = regexp.MustCompile(`^spool-([0-9]{16})\.seg$`)
	isQuarantine = regexp.MustCompile(`^spool-([0-9]{16})\.seg\.bad(\.[0-9]+)?$`)
)

// makeFolder makes the folder unless it is there.
func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	return os.Chmod(dir, 0o700) // whatever the umask
}

// bringToDisk is syncFolder. Tests replace it.
var bringToDisk = syncFolder

// syncName brings the name of the folder to the disk, without which a loss of power
// could take all that is in it. It leaves that to the system where the folder above
// cannot be read.
func syncName(dir string) error {
	f, err := os.Open(filepath.Dir(dir))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(bringToDisk(f), f.Close())
}

// openFolder opens the folder. What is done in it from then on is done in this one,
// though somebody gives it another name.
func openFolder(dir string) (*os.Root, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if err := acceptable(info); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = errors.New("somebody has just put another folder in its place")
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// takeFolder makes the folder ours alone until the two files are closed. It locks the
// folder itself, as far as the system and the file system know that, and a file in it:
// that one somebody may remove, and the next one would lock another of the name.
func takeFolder(root *os.Root) (folder, lockFile *os.File, err error) {
	folder, ours, err := lockFolder(root)
	if err != nil {
		return nil, nil, err
	}
	if ours {
		lockFile, err = openFile(root, lockName, os.O_RDWR|os.O_CREATE)
	}
	if lockFile != nil {
		ours, err = lock(lockFile)
	}
	if err == nil && !ours {
		err = errors.New("another process, or another sink of this one, has the folder: give each a folder of its own")
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeAll(folder, lockFile))
	}
	return folder, lockFile, nil
}

// closeAll closes those of the files that are there.
func closeAll(files ...*os.File) error {
	var err error
	for _, f := range files {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// openFile opens a file of the spool, which only its owner can read. It follows no
// link, and opens nothing that somebody else could have put there.
func openFile(root *os.Root, name string, flag int) (*os.File, error) {
	f, err := root.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	f, err = stdfd.Above(f)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	var named fs.FileInfo
	if err == nil {
		named, err = root.Lstat(name)
	}
	switch {
	case err != nil:
	case named.Mode()&fs.ModeSymlink != 0:
		err = fmt.Errorf("%s is a symbolic link: remove it", f.Name())
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no file: remove it", f.Name())
	case osfile.Links(info) > 1:
		err = fmt.Errorf("%s has another name, a hard link: remove it", f.Name())
	case flag&os.O_CREATE != 0 && info.Size() == 0:
		err = f.Chmod(0o600) // whatever the umask
	}
	if err == nil {
		if uid, ours := osfile.OwnedBy(info, 0); !ours {
			err = fmt.Errorf("%s belongs to the user %d: remove it", f.Name(), uid)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// list returns the numbers of the segments in the folder, oldest first, how many
// are kept because they are damaged, and the highest number of both.
func list(root *os.Root) (numbers []uint64, quarantined int, highest uint64, err error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, 0, 0, err
	}
	for _, e := range entries {
		m := isSegment.FindStringSubmatch(e.Name())
		kept := isQuarantine.FindStringSubmatch(e.Name())
		if kept != nil {
			quarantined++
			m = kept
		}
		if m == nil {
			continue
		}
		n, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			continue // 16 digits are always a number
		}
		highest = max(highest, n)
		if kept == nil && e.Type().IsRegular() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, quarantined, highest, nil
}

// quarantine gives a file a name under which it is kept and never read again, and
// returns that. It replaces nothing.
func quarantine(root *os.Root, name string) (kept string, err error) {
	kept = name + ".bad"
	for i := 2; ; i++ {
		if _, err := root.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			return kept, root.Rename(name, kept)
		} else if err != nil {
			return "", err
		}
		kept = fmt.Sprintf("%s.bad.%d", name, i)
	}
}
