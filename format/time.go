// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	yearZero = -62167219200 // 0000-01-01T00:00:00Z in Unix seconds
	yearTenK = 253402300800 // 10000-01-01T00:00:00Z
)

// appendNano appends t as time.RFC3339Nano, as JSON wants it: it reports false
// when the year has not four digits.
func appendNano(b []byte, t time.Time) ([]byte, bool) {
	b, zone, ok := appendSeconds(b, t)
	if !ok {
		if y := t.Year(); y < 0 || y > 9999 {
			return b, false
		}
		return t.AppendFormat(b, time.RFC3339Nano), true
	}
	if n := uint32(t.Nanosecond()); n != 0 {
		ms, us, ns := n/1e6, n/1e3%1e3, n%1e3
		b = append(b, '.',
			byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10),
			byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10),
			byte('0'+ns/100), byte('0'+ns/10%10), byte('0'+ns%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return appendZone(b, zone), true
}

// appendMillis appends t as RFC 3339 with three decimals, as text wants it.
func appendMillis(b []byte, t time.Time) []byte {
	start := len(b)
	b, zone, ok := appendSeconds(b, t)
	if !ok {
		return appendOddMillis(b[:start], t)
	}
	ms := uint32(t.Nanosecond()) / 1e6
	b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return appendZone(b, zone)
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

// appendSeconds appends date and time of day and returns the zone in minutes.
// It reports false, having appended nothing, for what RFC 3339 does not foresee.
func appendSeconds(b []byte, t time.Time) (_ []byte, zone int, ok bool) {
	_, offset := t.Zone()
	sec := t.Unix() + int64(offset)
	zone = offset / 60
	if sec < yearZero || sec >= yearTenK || zone <= -100*60 || zone >= 100*60 {
		return b, 0, false
	}
	if offset != 0 && zone == 0 {
		zone = subMinute
	}
	since := uint64(sec - yearZero)
	date := date(uint32(since / 86400))
	rest := uint32(since % 86400)
	h, m, s := rest/3600, rest/60%60, rest%60
	return append(b,
		'0'+byte(date>>28), '0'+byte(date>>24&15), '0'+byte(date>>20&15), '0'+byte(date>>16&15), '-',
		'0'+byte(date>>12&15), '0'+byte(date>>8&15), '-',
		'0'+byte(date>>4&15), '0'+byte(date&15), 'T',
		byte('0'+h/10), byte('0'+h%10), ':',
		byte('0'+m/10), byte('0'+m%10), ':',
		byte('0'+s/10), byte('0'+s%10)), zone, true
}

// subMinute is the zone of an offset below a minute, which is not UTC but is
// written +00:00.
const subMinute = 100 * 60

// today remembers the last date asked for: its day, plus one, in the high half,
// the digits in the low one. Log calls come on the same day as the one before,
// or nearly all.
var today atomic.Uint64

// date returns the digits of the date that is day days after 0000-01-01, as
// 0xYYYYMMDD.
func date(day uint32) uint32 {
	key := uint64(day+1) << 32
	t := today.Load()
	if t&^math.MaxUint32 != key {
		year, month, mday := civil(day)
		digits := year/1000<<12 | year/100%10<<8 | year/10%10<<4 | year%10
		digits = digits<<16 | month/10<<12 | month%10<<8 | mday/10<<4 | mday%10
		t = key | uint64(digits)
		today.Store(t)
	}
	return uint32(t)
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

func appendZone(b []byte, zone int) []byte {
	if zone == 0 {
		return append(b, 'Z')
	}
	sign := byte('+')
	switch {
	case zone == subMinute:
		zone = 0
	case zone < 0:
		sign, zone = '-', -zone
	}
	h, m := zone/60, zone%60
	return append(b, sign, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10))
}
