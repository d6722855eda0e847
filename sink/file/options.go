// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Options configures a Sink. The zero value, and a nil *Options, append to a
// file that only its owner can read, never rotate it and leave it to the system
// when the disk has it.
//
// All processes that append to one file should have the same options.
type Options struct {
	// Mode is the permissions of a file that the sink creates, exactly and
	// whatever the umask. A file that is already there keeps its own. Only the
	// permission bits count. Zero means 0600, and after a rotation what the
	// file had before. Windows has no such thing.
	Mode fs.FileMode

	// UID and GID are the owner and the group of a file that the sink creates.
	// Zero leaves what the system gives. Few but the superuser may give files
	// away; who may not gets an error from Open. Windows has no such thing.
	UID, GID int

	// MkdirAll makes Open create the directories that are missing, for their
	// owner alone (0700). When it is false a missing directory is an error: a
	// mistyped path should not become a tree.
	MkdirAll bool

	// Root is a folder that the file must stay in, with all that rotation makes
	// of it. The path is then relative to Root, and one that is absolute, has
	// too many ".." or follows a link to the outside is an error of Open. Use it
	// when paths come from a configuration that others may write; Root's own path
	// is trusted. It does not limit what others mount in it, or move out of it
	// while it is open; and a link to a folder must be relative, even if that is
	// in Root. Empty means no such limit.
	Root string

	// AllowLinks lets the path be a symbolic link, and the file have more than
	// one hard link. Without AllowLinks both are errors: in a folder that others may
	// write to, such as /tmp, a link makes the program write where somebody else
	// chose. It cannot be combined with Root. A link that is pointed elsewhere is
	// followed when the file is opened anew; what was rotated before stays where it
	// is, as it is.
	AllowLinks bool

	// AllowForeign lets the file belong to somebody else than the user of the
	// process and UID. Without it that is an error: who owns a file can read it
	// and change it.
	AllowForeign bool

	// MaxSize is the size in bytes at which the file is rotated: no record makes
	// it larger, except one that is larger by itself, which gets a file of its
	// own. Each other sink or process that writes to the file at the same moment may
	// add what it writes in one call: MaxSize at most, or one larger record. While
	// rotations fail, or another one in the folder does not end, the file grows
	// without bound, and nothing is lost. Zero means no limit; the least is 1024.
	MaxSize int64

	// RotateEvery rotates a file that is older than this, when the next record
	// comes. Zero means never; the least is a second.
	RotateEvery time.Duration

	// RotateAt rotates the file at times of day, "15:04" or "15:04:05", when the
	// first record after it comes. They are local times, or UTC if that is set.
	RotateAt []string

	// UTC makes RotateAt mean UTC. The names of rotated files are always in UTC,
	// where no hour comes twice.
	UTC bool

	// Names is the template for the names of rotated files, which stay in the
	// folder of the file: {name} and {ext} are the file's name before and from
	// its last dot, unless a compressor's extension such as ".gz" follows that, which
	// belongs to {name}; {base} is both, {time} is when it was rotated, in UTC and
	// milliseconds, and later than that of all files that are there, so that names
	// sort as the files do. Empty means "{name}-{time}{ext}". Give the logs of one
	// folder the same template: with "{name}-db-{time}{ext}" those of app.log have the
	// names that app-db.log has without, and both would remove them.
	Names string

	// Compress is how rotated files are compressed: "gzip", or what a package
	// that was imported brings ("zstd": sink/file/zstd). It is done in the
	// background, one file at a time, the newest first, and none that is beyond
	// MaxFiles, MaxAge or MaxTotal. Close does not wait for it: a later Open
	// goes on with what is left. Empty means not at all.
	Compress string

	// MaxFiles is how many rotated files are kept. Zero means all.
	//
	// What is beyond MaxFiles, MaxAge or MaxTotal is removed in the background, at
	// once after each rotation and without waiting for a compression. More is there
	// meanwhile: the files that were rotated within one look into the folder and the
	// removals after it. That is one file for some milliseconds where they rotate a
	// few times a second, and can be dozens where they rotate hundreds of times a
	// second; and one more that was being compressed, until that has been given up.
	//
	// Close removes what is left beyond the limits. When it returns nil there are no
	// more files than that, but those that another process has open or has rotated
	// since, and those that cannot be removed: Stats counts the latter. They are tried
	// again within a minute while the sink is open, and by the next Open. Where the
	// context of Close leaves no time for it, Close returns an error.
	MaxFiles int

	// MaxAge is how long rotated files are kept after their last record. It is looked
	// at when the sink is opened or closed, after each rotation, and once an hour: a
	// file may stay up to an hour longer. See MaxFiles for when it is removed then, and
	// for what Close leaves. Zero means forever.
	MaxAge time.Duration

	// MaxTotal is how many bytes all rotated files together may have. Those that are
	// not compressed yet count as they are; what a compression has written so far comes
	// on top, until it takes the place of the file. See MaxFiles for when more than that
	// is there, and for what Close leaves. Zero means no limit.
	MaxTotal int64

	// Sync says when the disk has what was written. See the constants.
	Sync Sync

	// SyncEvery is the interval of Sync: SyncInterval. Zero means a second; the
	// least is a millisecond.
	SyncEvery time.Duration
}

// Sync is a policy of bringing what was written to the disk. What Flush promises
// depends on it; Handler.FlushTo and Destination.SyncTo do not. Whatever the policy,
// a record is taken when the log call returned, and survives the end of the process
// once Write took it. If this user may not read the folder of the file, it is left to
// the system when the file's name reaches the disk.
type Sync int

// The policies, from the cheapest to the safest.
const (
	// SyncNever leaves it to the system, which takes half a minute or so. Flush
	// promises that what was written survives the end of the process, whatever
	// ended it.
	SyncNever Sync = iota

	// SyncFlush waits for the disk in Flush, which then promises that what was
	// written survives a loss of power. That costs a Flush from half a
	// millisecond up, and a rotation as well.
	SyncFlush

	// SyncInterval is SyncFlush, and brings what was written to the disk every
	// Options.SyncEvery also without a Flush, in the background.
	SyncInterval

	// SyncBatch is SyncFlush, and Write too waits for the disk: a batch that was
	// written survives a loss of power, unless the sync failed. Write does not tell
	// that, since the batch is in the file: Flush and hydra.Health do, and a log call
	// with Destination.SyncTo. Expect a few hundred to a few thousand batches a second.
	SyncBatch
)

var errNoPath = errors.New("the path is empty: name a file, as the first argument of New")

// check returns every mistake in the path and the options, each with the name of
// its field.
func (s *Sink) check() []error {
	o := &s.opts
	var mistakes []error
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	i := strings.IndexFunc(s.path, func(r rune) bool { return r < ' ' || r == 0x7f })
	switch {
	case s.path == "":
		mistakes = append(mistakes, errNoPath)
	case i >= 0:
		wrong("the path contains the control character %q: remove it", s.path[i])
	case endsInSeparator(s.path):
		wrong("the path names a directory: add a file name")
	case o.Root != "" && !filepath.IsLocal(s.path):
		wrong("the path leaves Options.Root %q: give a path relative to it", o.Root)
	}
	if o.Root != "" && o.AllowLinks {
		wrong("Options.AllowLinks: a link cannot be followed and stay in Options.Root: leave one of them out")
	}
	if o.Mode != 0 && o.Mode&0o200 == 0 {
		wrong("Options.Mode: %v lets not even the owner write: add 0200", o.Mode)
	}
	if runtime.GOOS == "windows" && (o.UID != 0 || o.GID != 0) {
		wrong("Options.UID and GID: Windows has no such owners: leave them out")
	}
	if o.UID < 0 || o.GID < 0 || uint64(o.UID) > math.MaxUint32 || uint64(o.GID) > math.MaxUint32 {
		wrong("Options.UID and GID: there are no owners %d:%d: zero leaves the owner alone", o.UID, o.GID)
	}
	if o.MaxSize < 0 || o.MaxSize > 0 && o.MaxSize < 1024 {
		wrong("Options.MaxSize: %d bytes are too few: the least is 1024, zero means no limit", o.MaxSize)
	}
	if o.RotateEvery != 0 && o.RotateEvery < time.Second {
		wrong("Options.RotateEvery: %v is less than a second: zero means never", o.RotateEvery)
	}
	var err error
	if s.times, err = parseTimes(o.RotateAt); err != nil {
		mistakes = append(mistakes, fmt.Errorf("Options.RotateAt: %w", err))
	}
	if s.pattern, err = newPattern(o.Names, filepath.Base(s.name)); err != nil {
		mistakes = append(mistakes, fmt.Errorf("Options.Names: %w", err))
	}
	if o.Compress != "" {
		if s.compressor, err = compressorOf(o.Compress); err != nil {
			mistakes = append(mistakes, fmt.Errorf("Options.Compress: %w", err))
		}
	}
	if n := s.longestName(); o.rotates() && n > mostName {
		wrong("the path: the names of rotated files would be %d long, and no more than %d is possible: shorten the name of the file by %d", n, mostName, n-mostName)
	}
	if o.MaxFiles < 0 {
		wrong("Options.MaxFiles: there are no %d files: zero means all", o.MaxFiles)
	}
	if o.MaxAge != 0 && o.MaxAge < time.Second {
		wrong("Options.MaxAge: %v is less than a second: zero means forever", o.MaxAge)
	}
	if o.MaxTotal < 0 || o.MaxTotal > 0 && o.MaxTotal < o.MaxSize {
		wrong("Options.MaxTotal: %d bytes cannot hold one file of MaxSize %d: zero means no limit", o.MaxTotal, o.MaxSize)
	}
	if o.Sync < SyncNever || o.Sync > SyncBatch {
		wrong("Options.Sync: there is no policy %d: use SyncNever, SyncInterval, SyncFlush or SyncBatch", o.Sync)
	}
	if o.SyncEvery < 0 || o.SyncEvery > 0 && (o.SyncEvery < time.Millisecond || o.Sync != SyncInterval) {
		wrong("Options.SyncEvery: %v has no use: it must be a millisecond or more, with Sync: SyncInterval", o.SyncEvery)
	}
	return mistakes
}

// rotates reports whether the sink moves files away by itself, and expects other
// processes to do so.
func (o *Options) rotates() bool {
	return o.MaxSize > 0 || o.RotateEvery > 0 || len(o.RotateAt) > 0
}

// keeps reports whether rotated files need somebody who looks after them.
func (o *Options) keeps() bool {
	return o.Compress != "" || o.MaxFiles > 0 || o.MaxAge > 0 || o.MaxTotal > 0
}
