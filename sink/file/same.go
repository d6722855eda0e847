// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
)

// inUse has the files that the sinks of this process have open.
var inUse struct {
	mu    sync.Mutex
	files []*use // guarded by mu
}

// A use is a sink's use of a file.
type use struct {
	info fs.FileInfo
	name string
	opts Options
	turn *turn // of all uses of the file
}

// A turn is held by the sink that appends to the file.
type turn struct {
	sync.Mutex
	ended atomic.Int64 // size of the file when one of the sinks had just ended a line, as far as it was sure of that
}

// claim notes that a sink uses the file of info. Several sinks may use a file by
// one name and with the same options, as when two layers write to one file. By
// two names they would rotate it away from each other, so that is an error.
func claim(info fs.FileInfo, name string, opts Options) (*use, error) {
	inUse.mu.Lock()
	defer inUse.mu.Unlock()
	shared := new(turn)
	for _, u := range inUse.files {
		if !os.SameFile(u.info, info) {
			continue
		}
		if u.name != name {
			return nil, fmt.Errorf("this process writes to the same file as %q already: give both the same path", u.name)
		}
		if !reflect.DeepEqual(u.opts, opts) {
			return nil, errors.New("this process writes to the same file with other options already: give both the same")
		}
		shared = u.turn
	}
	u := &use{info, name, opts, shared}
	inUse.files = append(inUse.files, u)
	return u, nil
}

// release ends a use. It may be nil.
func (u *use) release() {
	inUse.mu.Lock()
	defer inUse.mu.Unlock()
	for i := range inUse.files {
		if inUse.files[i] == u {
			inUse.files = append(inUse.files[:i], inUse.files[i+1:]...)
			return
		}
	}
}
