// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package fault

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Mount mounts a file system in memory over a folder, which only the superuser may. It
// holds size, as in "256k".
func Mount(dir, size string) (unmount func() error, err error) {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=700"); err != nil {
		return nil, fmt.Errorf("a tmpfs cannot be mounted here: %w", err)
	}
	return func() error { return unix.Unmount(dir, unix.MNT_DETACH) }, nil
}
