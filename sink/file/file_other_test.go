// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !unix

package file_test

import "testing"

const isUnix = false

// lockFolder skips the test: there are no locks.
func lockFolder(t *testing.T, _ string) (unlock func()) {
	t.Skip("folders cannot be locked here")
	return nil
}
