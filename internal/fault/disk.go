// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package fault

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
)

// diskBlock is the size of the pieces that a Disk keeps or loses. It is that of a
// sector, the least that disks write in one step.
const diskBlock = 512

// A Disk is a FileSystem that knows what a loss of power would leave: the content of
// files as of their last sync and the names in folders as of theirs, and of all that
// was changed since then any part. Its methods may be called from any goroutine.
type Disk struct {
	FileSystem // the one behind

	mu    sync.Mutex
	files []diskFile            // guarded by mu
	names map[string][]diskName // guarded by mu; by folder
}

// A diskFile is what the disk has of a file for sure.
type diskFile struct {
	info    fs.FileInfo
	content []byte
}

// A diskName is a name that the disk has for sure.
type diskName struct {
	name string
	info fs.FileInfo
}

// Sync syncs a file or a folder.
func (d *Disk) Sync(f *os.File) error {
	if err := d.FileSystem.Sync(f); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if info.IsDir() {
		names, err := namesIn(f.Name())
		if d.names == nil {
			d.names = make(map[string][]diskName)
		}
		d.names[filepath.Clean(f.Name())] = names
		return err
	}
	content, err := contentOf(info, filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	if i := d.indexLocked(info); i >= 0 {
		d.files[i].content = content
	} else {
		d.files = append(d.files, diskFile{info, content})
	}
	return nil
}

// Crash writes to the folder to what is left of the files in the folder from when the
// power goes now. Nobody may write to them meanwhile.
func (d *Disk) Crash(from, to string, r *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	names, err := namesIn(from)
	if err != nil {
		return err
	}
	// A folder changes in one step.
	if r.IntN(2) == 0 {
		names = d.names[filepath.Clean(from)]
	}
	for _, n := range names {
		var synced []byte
		if i := d.indexLocked(n.info); i >= 0 {
			synced = d.files[i].content
		}
		current, err := contentOf(n.info, from)
		if errors.Is(err, fs.ErrNotExist) {
			current = synced // it was removed
		} else if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, n.name), torn(synced, current, r), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// torn returns what is left of a file whose content is on its way from one to another.
func torn(synced, current []byte, r *rand.Rand) []byte {
	size := len(synced)
	if more := len(current) - len(synced); more > 0 {
		size += r.IntN(more + 1)
	} else if r.IntN(2) == 0 {
		size = len(current)
	}
	left := make([]byte, size) // zeroes where nothing was written
	copy(left, synced)
	for at := 0; at < size; at += diskBlock {
		end := min(at+diskBlock, size)
		written := current[min(at, len(current)):min(end, len(current))]
		if bytes.HasPrefix(left[at:end], written) || r.IntN(2) == 0 {
			continue
		}
		copy(left[at:end], written)
	}
	return left
}

func (d *Disk) indexLocked(info fs.FileInfo) int {
	for i := range d.files {
		if os.SameFile(d.files[i].info, info) {
			return i
		}
	}
	return -1
}

// contentOf returns the content of a file, whatever its name in the folder is.
func contentOf(info fs.FileInfo, folder string) ([]byte, error) {
	names, err := namesIn(folder)
	for _, n := range names {
		if os.SameFile(n.info, info) {
			return os.ReadFile(filepath.Join(folder, n.name))
		}
	}
	return nil, errors.Join(err, fs.ErrNotExist)
}

func namesIn(folder string) ([]diskName, error) {
	entries, err := os.ReadDir(folder)
	var names []diskName
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			names = append(names, diskName{e.Name(), info})
		}
	}
	return names, err
}
