// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
)

// A backup is a rotated file.
type backup struct {
	path  string
	rest  string // "", the extension of a compressor, or that with tempExt
	stamp stamp
	info  fs.FileInfo
}

// list returns the rotated files in a folder, oldest first, with compressions that
// were not finished. Only names of exactly the pattern count, and only files.
func list(sys system, dir string, p pattern) ([]backup, error) {
	entries, err := sys.ReadDir(dir)
	var backups []backup
	for _, e := range entries {
		a, rest, ok := p.parse(e.Name())
		if !ok || !e.Type().IsRegular() || rest != "" && !isCompressed(strings.TrimSuffix(rest, tempExt)) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := sys.Lstat(path)
		if err != nil {
			continue // gone since
		}
		backups = append(backups, backup{path, rest, a, info})
	}
	slices.SortFunc(backups, func(a, b backup) int {
		if c := a.stamp.compare(b.stamp); c != 0 {
			return c
		}
		return strings.Compare(a.rest, b.rest)
	})
	return backups, err
}

// surplus returns which of backups, oldest first, are not to be kept: those that are
// too old, and those that are too many or too much, with all that are older. A file
// that is there compressed and uncompressed counts once, with the larger of the two, and
// what a compression has not finished counts for nothing: it takes no other file with it.
func surplus(backups []backup, o *Options, now time.Time) []backup {
	var old []backup                               // newest first, as they are looked at
	files, total, counted := 0, int64(0), int64(0) // counted: of this stamp, in total
	for i := len(backups) - 1; i >= 0; i-- {
		b := &backups[i]
		if i == len(backups)-1 || b.stamp != backups[i+1].stamp {
			files++
			counted = 0
		}
		if more := b.info.Size() - counted; more > 0 && !strings.HasSuffix(b.rest, tempExt) {
			total += more
			counted += more
		}
		if o.MaxFiles > 0 && files > o.MaxFiles || o.MaxTotal > 0 && total > o.MaxTotal {
			slices.Reverse(old)
			return slices.Concat(backups[:i+1], old)
		}
		if o.MaxAge > 0 && now.Sub(lastRecord(backups, i, now)) > o.MaxAge {
			old = append(old, *b)
		}
	}
	slices.Reverse(old)
	return old
}

// lastRecord returns when the last record came into one of backups, oldest first. A
// clock that is wrong for a while makes no file older than the one before.
func lastRecord(backups []backup, i int, now time.Time) time.Time {
	// Compressing makes a file younger, and a clock set back makes a stamp so.
	last := backups[i].info.ModTime()
	if at := backups[i].stamp.at; at.Before(last) {
		last = at
	}
	for i--; i >= 0; i-- {
		if before := backups[i].stamp; before != backups[i+1].stamp {
			if before.at.After(last) && !before.at.After(now) {
				last = before.at
			}
			break
		}
	}
	return last
}

// prune removes the rotated files at a site that are not to be kept. It reports whether
// nothing has to be tried again soon. A panic is an error like others.
func (k *keeper) prune(at site) (done bool) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			k.stats.failed(&k.stats.s.RemoveErrors, err)
			done = false
		}
	}()
	if k.overtime() {
		k.late = true
		return true
	}
	backups, err := k.listed(at)
	if err != nil {
		k.stats.failed(&k.stats.s.RemoveErrors, err)
		return false
	}
	done = true
	for _, b := range surplus(backups, &k.opts, time.Now()) {
		if k.overtime() {
			k.late = true
			return true
		}
		err := k.discard(b)
		switch {
		case err == nil:
			k.stats.count(&k.stats.s.Removed)
		case errors.Is(err, errInUse):
			done = false
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errSpared):
			k.stats.failed(&k.stats.s.RemoveErrors, err)
			done = false
		}
	}
	return done
}

// listed is list while no file gets its compressed name: it would be missed under both.
func (k *keeper) listed(at site) ([]backup, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return list(k.sys, at.dir, at.pattern)
}

// errSpared says that a file is in the hands of a compression, which gives it up at once.
var errSpared = errors.New("it is being compressed")

// discard removes a file, unless it is being compressed: then it ends that, and its
// end calls for the next prune.
func (k *keeper) discard(b backup) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.packing != "" && b.path == k.packing+b.rest {
		k.unwanted.Store(true)
		return errSpared
	}
	return k.remove(b.path)
}

// errInUse says that another process has the file open, and may write to it.
var errInUse = errors.New("it is in use")

// remove removes a file that nobody writes to.
func (k *keeper) remove(path string) error {
	f, err := k.open(path)
	if errors.Is(err, fs.ErrPermission) { // who may not read it may still remove it
		return k.sys.Remove(path)
	}
	if err != nil { // somebody may write to it: that cannot be known without it
		return err
	}
	if holdsNames {
		_ = f.Close()
		return k.sys.Remove(path)
	}
	return errors.Join(k.sys.Remove(path), f.Close())
}
