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

// makeFolder makes the folder unless it is there, and looks at it again when it is.
func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	if err == nil {
		err = os.Chmod(dir, 0o700) // whatever the umask
	} else {
		err = nil
	}
	info, serr := os.Lstat(dir)
	if err := errors.Join(err, serr); err != nil {
		return err
	}
	return acceptable(info)
}

// lockFolder makes the folder ours alone, for as long as the file is open.
func lockFolder(dir string) (*os.File, error) {
	f, err := openFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	ours, err := lock(f)
	if err == nil && !ours {
		err = errors.New("another process, or another sink of this one, has the folder: give each a folder of its own")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openFile opens a file of the spool, which only its owner can read. It follows no
// link, and opens nothing that somebody else could have put there.
func openFile(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	f, err = stdfd.Above(f)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no file: remove it", path)
	case links(info) > 1:
		err = fmt.Errorf("%s has another name, a hard link: remove it", path)
	case flag&os.O_CREATE != 0 && info.Size() == 0:
		err = f.Chmod(0o600) // whatever the umask
	}
	if err == nil {
		if uid, ours := ownedBy(info); !ours {
			err = fmt.Errorf("%s belongs to the user %d: remove it", path, uid)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// list returns the numbers of the segments in the folder, oldest first, how many
// are kept because they are damaged, and the highest number of both.
func list(dir string) (numbers []uint64, quarantined int, highest uint64, err error) {
	entries, err := os.ReadDir(dir)
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

// quarantine gives a file a name under which it is kept and never read again. It
// replaces nothing.
func quarantine(path string) error {
	name := path + ".bad"
	for i := 2; ; i++ {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(path, name)
		} else if err != nil {
			return err
		}
		name = fmt.Sprintf("%s.bad.%d", path, i)
	}
}
