// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import "errors"

// errNever is what this system does not say.
var errNever = errors.New("unknown to this system")

var errNoReader, errPipe, errTooBig, errReadOnly = errNever, errNever, errNever, errNever
