// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"slices"
)

// A jsonHead is how the lines of one second begin, up to the value of the message.
// Whatever is the same for all records of that second stands there ready to be
// copied, in pieces of one size, which is faster than in pieces of the right size:
//
//	{"time":"2006-01-02T15:04:05.  123456789  Z","level":"INFO","msg":
//	open                           decimals   shut
type jsonHead struct {
	open  [headPiece]byte    // openLen of it count
	shut  [4][headPiece]byte // for slog's levels, from Debug on
	shuts [4]uint8           // how many bytes of shut count
}

const (
	headPiece  = 32
	openLen    = len(`{"time":"2006-01-02T15:04:05.`)
	messageKey = `,"msg":`
)

// set makes h the head of lines at a second in a zone, both as RFC 3339 has them.
func (h *jsonHead) set(second, zone []byte) {
	b := append(h.open[:0], `{"time":"`...)
	b = append(b, second...)
	_ = append(b, '.')
	for i := range h.shut {
		b := append(h.shut[i][:0], zone...)
		b = append(b, '"', ',')
		b = appendJSONLevel(b, slog.LevelDebug+4*slog.Level(i))
		h.shuts[i] = uint8(len(append(b, messageKey...)))
	}
}

// append appends the head of a line that was logged so many nanoseconds after the
// second. It reports false for a level that has no name of its own.
func (h *jsonHead) append(b []byte, nanos uint32, l slog.Level) ([]byte, bool) {
	i := uint(l - slog.LevelDebug)
	if i > uint(slog.LevelError-slog.LevelDebug) || i%4 != 0 {
		return b, false
	}
	i /= 4
	const room = openLen + nanoLen + headPiece
	n := len(b)
	b = slices.Grow(b, room)[:n+room]
	*(*[headPiece]byte)(b[n:]) = h.open
	n += openLen
	if nanos == 0 {
		n-- // nor a point
	} else {
		putNanos((*[nanoLen]byte)(b[n:]), nanos)
		for n += nanoLen; b[n-1] == '0'; {
			n--
		}
	}
	*(*[headPiece]byte)(b[n:]) = h.shut[i]
	return b[:n+int(h.shuts[i])], true
}

// appendJSONHead appends the time, the level, the source and the message, where no ReplaceAttr
// wants to see them.
func (e *encoder) appendJSONHead(r *slog.Record) {
	b, ok := e.buf, false
	if m := now.Load(); m != nil && m.holds(r.Time) {
		b, ok = m.json.append(b, uint32(r.Time.Nanosecond()), r.Level)
	}
	if !ok {
		b = e.appendOtherHead(b, r)
	}
	e.sep = ','
	if e.opts.AddSource {
		e.buf = b[:len(b)-len(messageKey)]
		if src := sourceOf(r.PC); src != nil {
			e.appendEncoded(src.json)
		}
		b = append(e.buf, messageKey...)
	}
	if len(r.Message) < (e.limit-len(b))/6 { // it fits, whatever is escaped
		e.buf = appendJSONText(b, r.Message, false)
		return
	}
	e.buf = b
	e.appendMessage(r.Message)
}

// appendOtherHead appends the head of a record of another second than the last, or
// of a level without a name of its own.
func (e *encoder) appendOtherHead(b []byte, r *slog.Record) []byte {
	b = append(b, '{')
	if !r.Time.IsZero() {
		remember(r.Time)
		b = append(b, `"time":"`...)
		var ok bool
		if b, ok = appendNano(b, r.Time); !ok {
			e.flaws |= Failed
			b = append(b, yearError...)
		}
		b = append(b, '"', ',')
	}
	b = appendJSONLevel(b, r.Level)
	return append(b, messageKey...)
}

// appendJSONLevel appends the attribute of the level.
func appendJSONLevel(b []byte, l slog.Level) []byte {
	b = append(b, `"level":"`...)
	return append(appendLevel(b, l), '"')
}

const nanoLen = len("123456789")

// putNanos writes n, below 1e9, as nine digits.
func putNanos(b *[nanoLen]byte, n uint32) {
	high, low := n/1e4, n%1e4
	first, high := high/1e4, high%1e4
	b[0] = byte('0' + first)
	*(*[2]byte)(b[1:]) = pairs[high/100]
	*(*[2]byte)(b[3:]) = pairs[high%100]
	*(*[2]byte)(b[5:]) = pairs[low/100]
	*(*[2]byte)(b[7:]) = pairs[low%100]
}
