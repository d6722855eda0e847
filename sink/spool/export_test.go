// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// OtherVersion returns a segment as another version would have written it.
func OtherVersion(segment []byte) []byte {
	segment = slices.Clone(segment)
	binary.LittleEndian.PutUint32(segment[8:], version+1)
	binary.LittleEndian.PutUint32(segment[36:], crc32.Checksum(segment[:36], castagnoli))
	return segment
}
