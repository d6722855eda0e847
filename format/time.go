// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"sync/atomic"
	"time"
)

const (
	yearZero = -62167219200 // 0000-01-01T00:00:00Z in Unix seconds
	yearTenK = 253402300800 // 10000-01-01T00:00:00Z
	never    = -62135596800 // 0001-01-01T00:00:00Z, in which the zero Time is
)

// appendNano appends t as time.RFC3339Nano, as JSON wants it: it reports false
// when the year has not four digits.
func appendNano(b []byte, t time.Time) ([]byte, bool) {
	var m moment
	if !m.set(t) {
		if y := t.Year(); y < 0 || y > 9999 {
			return b, false
		}
		return t.AppendFormat(b, time.RFC3339Nano), true
	}
	return m.appendNano(b, t), true
}

// appendMillis appends t as RFC 3339 with three decimals, as text wants it.
func appendMillis(b []byte, t time.Time) []byte {
	var m moment
	if !m.set(t) {
		return appendOddMillis(b, t)
	}
	return m.appendMillis(b, t)
}

// appendNowMillis is appendMillis for the time of a record.
func appendNowMillis(b []byte, t time.Time) []byte {
	if m := now.Load(); m != nil && m.holds(t) {
		return m.appendMillis(b, t)
	}
	remember(t)
	return appendMillis(b, t)
}

// appendOddMillis is appendMillis for years that have not four digits. slog
// makes sure of four decimals and then takes away the byte at which the fourth
// would stand if the year had; so its output can have any of them missing.
func appendOddMillis(b []byte, t time.Time) []byte {
	const fourth = len("2006-01-02T15:04:05.000")
	start := len(b)
	t = t.Truncate(time.Millisecond).Add(time.Millisecond / 10)
	b = t.AppendFormat(b, time.RFC3339Nano)
	return append(b[:start+fourth], b[start+fourth+1:]...)
}

// A moment is a second at a place, as RFC 3339 writes it.
type moment struct {
	unix   int64
	loc    *time.Location
	second [len("2006-01-02T15:04:05")]byte
	zone   [len("+00:00")]byte // or Z
	zones  uint8               // bytes of zone
}

// A rememberedMoment is one that records are being logged in.
type rememberedMoment struct {
	moment
	json jsonHead
}

// now is a moment that records were logged in lately. Nearly every one is logged in
// the same second as the one before.
var now atomic.Pointer[rememberedMoment]

// strays counts records that were logged in another moment.
var strays atomic.Uint32

// remember makes the second of t the moment to come, if it follows the one that is,
// or if that is of no use any more. A record of long ago does not take its place.
func remember(t time.Time) {
	const useless = 64 // strays, so that records without order cost little more
	was := now.Load()
	if was != nil && t.Unix() != was.unix+1 && strays.Add(1)%useless != 0 {
		return
	}
	m := new(rememberedMoment)
	if m.set(t) && m.unix != never {
		m.json.set(m.second[:], m.zone[:m.zones])
		now.Store(m)
	}
}

// holds reports whether t is in the moment.
func (m *moment) holds(t time.Time) bool { return m.unix == t.Unix() && m.loc == t.Location() }

// set makes m the moment of t. It reports false for one that RFC 3339 does not
// foresee.
func (m *moment) set(t time.Time) bool {
	_, offset := t.Zone()
	m.unix, m.loc = t.Unix(), t.Location()
	sec := m.unix + int64(offset)
	if sec < yearZero || sec >= yearTenK || offset <= -100*3600 || offset >= 100*3600 {
		return false
	}
	year, month, day := civil(uint32(uint64(sec-yearZero) / 86400))
	rest := uint32(uint64(sec-yearZero) % 86400)
	b := &m.second
	put2(b[0:], year/100)
	put2(b[2:], year%100)
	b[4] = '-'
	put2(b[5:], month)
	b[7] = '-'
	put2(b[8:], day)
	b[10] = 'T'
	put2(b[11:], rest/3600)
	b[13] = ':'
	put2(b[14:], rest/60%60)
	b[16] = ':'
	put2(b[17:], rest%60)
	m.setZone(offset)
	return true
}

// setZone sets the zone to so many seconds. An offset below a minute is not UTC, but
// is written +00:00.
func (m *moment) setZone(offset int) {
	if offset == 0 {
		m.zone[0], m.zones = 'Z', 1
		return
	}
	m.zone[0], m.zones = '+', uint8(len(m.zone))
	minutes := offset / 60
	if minutes < 0 {
		m.zone[0], minutes = '-', -minutes
	}
	put2(m.zone[1:], uint32(minutes/60))
	m.zone[3] = ':'
	put2(m.zone[4:], uint32(minutes%60))
}

// put2 writes n, below 100, as two digits.
func put2(b []byte, n uint32) { *(*[2]byte)(b) = pairs[n] }

// appendNano appends t, which is in the moment, with as many decimals as it has.
func (m *moment) appendNano(b []byte, t time.Time) []byte {
	b = append(b, m.second[:]...)
	if n := uint32(t.Nanosecond()); n != 0 {
		b = append(b, ".123456789"...)
		putNanos((*[nanoLen]byte)(b[len(b)-nanoLen:]), n)
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return append(b, m.zone[:m.zones]...)
}

// appendMillis appends t, which is in the moment, with three decimals.
func (m *moment) appendMillis(b []byte, t time.Time) []byte {
	b = append(b, m.second[:]...)
	ms := uint32(t.Nanosecond()) / 1e6
	b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return append(b, m.zone[:m.zones]...)
}

// civil returns the date that is day days after 0000-01-01.
//
// It counts years from March, so that the leap day is the last of its year and
// the months before it have lengths of a fixed pattern: 153 days every five.
func civil(day uint32) (year, month, mday uint32) {
	const (
		cycle   = 146097 // days in 400 years
		toMarch = 60     // from 0000-01-01 to 0000-03-01
	)
	day += cycle - toMarch // from -0400-03-01
	year = day / cycle * 400
	day %= cycle
	y := (day - day/1460 + day/36524 - day/(cycle-1)) / 365
	year += y
	day -= 365*y + y/4 - y/100
	m := (5*day + 2) / 153 // 0 is March
	mday = day - (153*m+2)/5 + 1
	if m < 10 {
		return year - 400, m + 3, mday
	}
	return year - 399, m - 9, mday
}
