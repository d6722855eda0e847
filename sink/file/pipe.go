// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"io/fs"
	"time"
)

// pipePatience is how long a write waits for the reader of a named pipe. What it
// has not taken by then is for the next Write.
const pipePatience = time.Second

// isPipe reports whether the file is a named pipe.
func (s *Sink) isPipe() bool { return s.info.Mode()&fs.ModeNamedPipe != 0 }

// hurry bounds the next write to a pipe. Files and devices know no deadlines.
func (s *Sink) hurry() {
	if s.isPipe() {
		// Where a pipe cannot be polled it does not wait at all.
		_ = s.file.SetWriteDeadline(time.Now().Add(pipePatience))
	}
}

// failed lets go of a pipe that has lost its reader. The next Write opens it again,
// and that fails until there is another one.
func (s *Sink) failed(err error) {
	if s.isPipe() && errors.Is(err, errPipe) {
		_ = s.abandon()
	}
}
