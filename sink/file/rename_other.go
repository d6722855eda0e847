// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !linux

package file

import (
	"errors"
	"os"
)

// renameExclusive cannot be had here.
func renameExclusive(*os.File, string, string) error { return errors.ErrUnsupported }
