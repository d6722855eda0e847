// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestChecksumTellsEveryChangeOfOneWord(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 300; n++ {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		want := checksum(7, p)
		if got := checksum(8, p); got == want {
			t.Fatalf("%d bytes: got the sum of another seed", n)
		}
		for at := 0; at < n; at += 8 {
			word := p[at:min(at+8, n)]
			for range 20 {
				old := bytes.Clone(word)
				for k := range word {
					word[k] ^= byte(random.Uint32() & random.Uint32() & random.Uint32())
				}
				if !bytes.Equal(word, old) && checksum(7, p) == want {
					t.Fatalf("%d bytes: got the same sum with %x at %d, want another than with %x", n, word, at, old)
				}
				copy(word, old)
			}
		}
		for bit := range 8 * n {
			p[bit/8] ^= 1 << (bit % 8)
			if checksum(7, p) == want {
				t.Fatalf("%d bytes: got the same sum with bit %d flipped", n, bit)
			}
			p[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func BenchmarkChecksum(b *testing.B) {
	table := crc32.MakeTable(crc32.Castagnoli)
	for _, n := range []int{64, 200, 1000} {
		p := make([]byte, n)
		b.Run("lanes/"+strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				checksum(1, p)
			}
		})
		b.Run("crc32c/"+strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				crc32.Update(0, table, p)
			}
		})
	}
}
