// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"time"
)

// A segment is a file of frames behind a header; a frame is a batch. All numbers
// are little-endian, all sums CRC32C.
//
//	header   0  8  magic
//	         8  4  version
//	        12  4  zero
//	        16  8  id of the segment, a random number
//	        24  8  number of its first record
//	        32  4  zero
//	        36  4  sum of the 36 bytes before
//
//	frame    0  8  id of the segment
//	         8  8  number of the first record; records are numbered on and on
//	        16  8  when it was spooled, in nanoseconds since 1970
//	        24  4  records
//	        28  4  bytes of all records
//	        32  4  sum of what follows the head
//	        36  4  sum of the 36 bytes before
//	        40     length of each record, 4 bytes each
//	               the records
//
// A frame begins with its segment's id so that frames are found again behind
// damage, and so that a record that looks like a frame is none: nobody who writes
// records knows the id.
const (
	magic      = "hydraspl"
	version    = 1
	headerSize = 40
	headSize   = 40
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The ways in which a place in a segment is no frame.
var (
	errTorn    = errors.New("the last frame was not written to its end")
	errDamaged = errors.New("a frame is damaged")
	errVersion = errors.New("it was written by another version")
)

// frameSize returns how many bytes a frame takes.
func frameSize(bytes, records int) int64 {
	return headSize + 4*int64(records) + int64(bytes)
}

// appendHeader appends the header of a segment.
func appendHeader(dst []byte, id, first uint64) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, version)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, id)
	dst = binary.LittleEndian.AppendUint64(dst, first)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parseHeader reads the header of a segment from the first bytes of its file. It
// returns errDamaged if it is none, and errVersion if it is one that it does not
// know.
func parseHeader(p []byte) (id, first uint64, err error) {
	if len(p) < headerSize || crc32.Checksum(p[:36], castagnoli) != binary.LittleEndian.Uint32(p[36:]) ||
		string(p[:8]) != magic {
		return 0, 0, errDamaged
	}
	if binary.LittleEndian.Uint32(p[8:]) != version {
		return 0, 0, errVersion
	}
	return binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:]), nil
}

// appendFrame appends the frame of the records in p.
func appendFrame(dst []byte, id, first uint64, when time.Time, p []byte, ends []int) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, id)
	dst = binary.LittleEndian.AppendUint64(dst, first)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(when.UnixNano()))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(ends)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(p)))
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	begin := 0
	for _, end := range ends {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(end-begin))
		begin = end
	}
	dst = append(dst, p...)
	head, body := dst[start:start+headSize], dst[start+headSize:]
	binary.LittleEndian.PutUint32(head[32:], crc32.Checksum(body, castagnoli))
	binary.LittleEndian.PutUint32(head[36:], crc32.Checksum(head[:36], castagnoli))
	return dst
}

// A head is the beginning of a frame.
type head struct {
	first   uint64
	when    int64
	records uint32
	bytes   uint32
	sum     uint32
}

// parseHead reads the head of a frame. It reports false if p holds none.
func parseHead(p []byte, id uint64) (head, bool) {
	if binary.LittleEndian.Uint64(p) != id ||
		crc32.Checksum(p[:36], castagnoli) != binary.LittleEndian.Uint32(p[36:]) {
		return head{}, false
	}
	return head{
		first:   binary.LittleEndian.Uint64(p[8:]),
		when:    int64(binary.LittleEndian.Uint64(p[16:])),
		records: binary.LittleEndian.Uint32(p[24:]),
		bytes:   binary.LittleEndian.Uint32(p[28:]),
		sum:     binary.LittleEndian.Uint32(p[32:]),
	}, true
}

// A frame is what was read of one.
type frame struct {
	first uint64
	when  time.Time
	bytes []byte
	ends  []int
	size  int64 // in the file
}

// A reader reads the frames of one segment, some at a time: those of a quiet hour are
// small.
type reader struct {
	file io.ReaderAt
	id   uint64

	window []byte // what is in the file from begin on
	begin  int64

	buf  []byte
	ends []int
	seen uint64 // the highest number that a head gave, and its records behind it
}

// open makes the reader that of another segment.
func (r *reader) open(f io.ReaderAt, id uint64) {
	r.file, r.id, r.window, r.seen = f, id, r.window[:0], 0
}

// at reads the frame at off of a segment of size bytes. It returns io.EOF at the
// end, errTorn or errDamaged where no frame is, or what the file said. The frame
// is valid until the next call.
func (r *reader) at(off, size int64) (frame, error) {
	left := size - off
	if left <= 0 {
		return frame{}, io.EOF
	}
	var top [headSize]byte
	p := top[:min(left, headSize)]
	if err := r.read(p, off, size); err != nil {
		return frame{}, err
	}
	if len(p) < headSize {
		id := binary.LittleEndian.AppendUint64(nil, r.id)
		if n := min(len(p), len(id)); bytes.Equal(p[:n], id[:n]) {
			return frame{}, errTorn
		}
		return frame{}, errDamaged
	}
	h, ok := parseHead(p, r.id)
	if !ok || h.records == 0 || h.bytes > math.MaxInt32 {
		return frame{}, errDamaged
	}
	body := 4*int64(h.records) + int64(h.bytes)
	if body > left-headSize {
		return frame{}, errTorn
	}
	r.seen = max(r.seen, h.first+uint64(h.records))
	if int64(cap(r.buf)) < body {
		r.buf = make([]byte, body)
	}
	r.buf = r.buf[:body]
	if err := r.read(r.buf, off+headSize, size); err != nil {
		return frame{}, err
	}
	if crc32.Checksum(r.buf, castagnoli) != h.sum || !r.split(h) {
		return frame{}, errDamaged
	}
	return frame{
		first: h.first, when: time.Unix(0, h.when),
		bytes: r.buf[4*int(h.records):], ends: r.ends, size: headSize + body,
	}, nil
}

// split finds the ends of the records of a frame, and reports false if they are
// not what a frame has.
func (r *reader) split(h head) bool {
	r.ends = r.ends[:0]
	end := uint64(0)
	for i := range int(h.records) {
		length := binary.LittleEndian.Uint32(r.buf[4*i:])
		end += uint64(length)
		if length == 0 || end > uint64(h.bytes) {
			return false
		}
		r.ends = append(r.ends, int(end))
	}
	return end == uint64(h.bytes)
}

// find returns where from off on the next frame begins, or size if none does.
func (r *reader) find(off, size int64) (int64, error) {
	id := binary.LittleEndian.AppendUint64(nil, r.id)
	window := make([]byte, windowSize)
	for off+headSize <= size {
		p := window[:min(int64(len(window)), size-off)]
		if err := r.read(p, off, size); errors.Is(err, errDamaged) {
			return size, nil // somebody cut the file
		} else if err != nil {
			return size, err
		}
		i := bytes.Index(p, id)
		if i < 0 {
			off += int64(len(p) - len(id) + 1) // it may begin at the end of the window
			continue
		}
		off += int64(i)
		switch _, err := r.at(off, size); {
		case err == nil:
			return off, nil
		case !errors.Is(err, errDamaged) && !errors.Is(err, errTorn):
			return size, err
		}
		off++
	}
	return size, nil
}

// windowSize is how much is read ahead.
const windowSize = 64 << 10

// read fills p from a segment of size bytes, which do not change any more. A file
// that ends before is damaged: somebody cut it.
func (r *reader) read(p []byte, off, size int64) error {
	if len(p) > windowSize {
		return r.readFile(p, off)
	}
	if end := r.begin + int64(len(r.window)); off < r.begin || off+int64(len(p)) > end {
		ahead := min(size-off, windowSize)
		if cap(r.window) == 0 {
			r.window = make([]byte, windowSize)
		}
		r.window, r.begin = r.window[:ahead], off
		if err := r.readFile(r.window, off); err != nil {
			r.window = r.window[:0]
			return r.readFile(p, off)
		}
	}
	copy(p, r.window[off-r.begin:])
	return nil
}

func (r *reader) readFile(p []byte, off int64) error {
	n, err := r.file.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return errDamaged
	}
	return err
}
