// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package memory

import (
	"errors"

	"github.com/shirou/gopsutil/v3/mem"
)

// host returns the memory of the machine. What the kernel would give back on
// demand, such as page cache, is not used.
func host() (used, limit uint64, err error) {
	vm, err := mem.VirtualMemory()
	if err != nil {
		return 0, 0, err
	}
	if vm.Total == 0 { // an unreadable /proc is no error to gopsutil
		return 0, 0, errors.New("no figures")
	}
	return vm.Total - min(vm.Available, vm.Total), vm.Total, nil
}
