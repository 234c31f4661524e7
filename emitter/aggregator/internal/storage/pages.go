package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// This file reads bbolt's format, so that damage is found before bbolt sees it. It
// reads with ordinary reads, visits no page twice, and looks at no more bytes of a
// page than it has.
//
// All numbers are in the machine's byte order. A file is pages of the same size, of
// which some span several. Two pages of metadata take turns: the one with the higher
// transaction is valid, and the other is how the file was one transaction before. It
// points to the list of free pages, and to a tree of branch and leaf pages with the
// buckets. A bucket is a tree as well or, if it is small, a leaf within its element.

const (
	pageSize = 4096 // whatever the machine's, so that a file can move

	headerSize  = 16 // page, flags, count, pages that it spans beyond the first
	elementSize = 16

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketElement = 0x01 // flag of a leaf's element
	bucketHeader  = 16   // root page, or 0; a number that is not used here

	boltMagic   = 0xED0CDAED
	boltVersion = 2
)

var order = binary.NativeEndian

// contents are what is in a file.
type contents struct {
	records []Record // in the order of kind and key, each once
	live    int64    // bytes in pages that are in use
	damage  error    // the first thing that is wrong; nil if the file is sound
	newer   error    // that there are records of a newer version
}

// readFile reads and checks a file. If it is damaged, the records are those that
// have a good checksum. Where one is lost that the last transaction wrote, it is what
// it was before, as far as that can be told.
func readFile(f io.ReaderAt, size int64) (found contents) {
	var metas []meta
	for i := range int64(2) {
		m, err := readMeta(f, i)
		if err != nil {
			found.damage = cmp.Or(found.damage, fmt.Errorf("page %d: %w", i, err))
			continue
		}
		metas = append(metas, m)
	}
	slices.SortFunc(metas, func(a, b meta) int { return cmp.Compare(b.transaction, a.transaction) })
	for _, m := range metas {
		r := newReader(f, size, m)
		r.readAll()
		found.records = append(found.records, r.records...)
		found.live = cmp.Or(found.live, r.live)
		found.newer = cmp.Or(found.newer, r.newer)
		found.damage = cmp.Or(found.damage, r.damage)
		if r.damage == nil {
			break
		}
	}
	if found.damage != nil { // else they are in order
		slices.SortStableFunc(found.records, func(a, b Record) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
		})
		found.records = slices.CompactFunc(found.records, func(a, b Record) bool {
			return a.Kind == b.Kind && a.Key == b.Key
		})
	}
	return found
}

// A meta is a page of metadata.
type meta struct {
	root        uint64 // page of the tree of buckets
	freelist    uint64 // page of the list of free pages
	pages       uint64 // how many there are, used or free
	transaction uint64
}

func readMeta(f io.ReaderAt, page int64) (meta, error) {
	var b [64]byte
	if _, err := f.ReadAt(b[:], page*pageSize+headerSize); err != nil {
		return meta{}, err
	}
	sum := fnv.New64a()
	sum.Write(b[:56])
	switch {
	case order.Uint32(b[:]) != boltMagic:
		return meta{}, errors.New("not the metadata of a bbolt file")
	case order.Uint64(b[56:]) != sum.Sum64():
		return meta{}, errChecksum
	case order.Uint64(b[48:])%2 != uint64(page):
		return meta{}, errors.New("the metadata of another page")
	case order.Uint32(b[4:]) != boltVersion:
		return meta{}, fmt.Errorf("format %d of bbolt, not %d", order.Uint32(b[4:]), boltVersion)
	case order.Uint32(b[8:]) != pageSize:
		return meta{}, fmt.Errorf("pages of %d bytes, not %d", order.Uint32(b[8:]), pageSize)
	}
	return meta{
		root:        order.Uint64(b[16:]),
		freelist:    order.Uint64(b[32:]),
		pages:       order.Uint64(b[40:]),
		transaction: order.Uint64(b[48:]),
	}, nil
}

// A reader reads the file as one of its metas has it.
type reader struct {
	file    io.ReaderAt
	meta    meta
	visited []bool // by page

	buckets int    // found so far
	last    []byte // key that was last seen in this bucket
	branch  bool   // it was a branch's, which the next may be equal to

	contents
}

func newReader(f io.ReaderAt, size int64, m meta) *reader {
	r := &reader{file: f, meta: m}
	there := uint64(size / pageSize)
	if m.pages > there {
		r.damaged("the file is cut off: it has %d pages of %d", there, m.pages)
	}
	r.visited = make([]bool, min(m.pages, there))
	return r
}

// damaged notes what is wrong. Reading goes on.
func (r *reader) damaged(format string, args ...any) {
	if r.damage == nil {
		r.damage = fmt.Errorf(format, args...)
	}
}

func (r *reader) readAll() {
	if p := r.page(r.meta.root); p != nil {
		r.tree(p, r.meta.root, r.bucket)
	}
	if r.buckets != 1 {
		r.damaged("there are %d buckets %q", r.buckets, bucketName)
	}
	for _, visited := range r.visited {
		if visited {
			r.live += pageSize
		}
	}
	lost := r.damage != nil
	known := r.freelist()
	for id := 2; id < len(r.visited); id++ {
		if r.visited[id] {
			continue
		}
		r.damaged("page %d is neither in use nor free", id)
		if lost && known {
			r.orphan(uint64(id))
		}
	}
}

// orphan reads a page that is in use, but that the tree does not lead to any more.
func (r *reader) orphan(id uint64) {
	if p := r.page(id); p != nil && order.Uint16(p[8:]) == leafPage {
		r.tree(p, id, r.record)
	}
}

// page returns the page, with those that it spans, or nil.
func (r *reader) page(id uint64) []byte {
	if !r.visit(id) {
		return nil
	}
	p := make([]byte, pageSize)
	if _, err := r.file.ReadAt(p, int64(id)*pageSize); err != nil {
		r.damaged("page %d: %w", id, err)
		return nil
	}
	if other := order.Uint64(p); other != id {
		r.damaged("page %d says that it is page %d", id, other)
		return nil
	}
	more := uint64(order.Uint32(p[12:]))
	if more == 0 {
		return p
	}
	for i := range more {
		if !r.visit(id + 1 + i) {
			return nil
		}
	}
	p = make([]byte, (1+more)*pageSize)
	if _, err := r.file.ReadAt(p, int64(id)*pageSize); err != nil {
		r.damaged("page %d: %w", id, err)
		return nil
	}
	return p
}

func (r *reader) visit(id uint64) bool {
	switch {
	case id < 2 || id >= uint64(len(r.visited)):
		r.damaged("there is no page %d", id)
		return false
	case r.visited[id]:
		r.damaged("page %d is used twice", id)
		return false
	}
	r.visited[id] = true
	return true
}

// An element is of a leaf or, without value, of a branch.
type element struct {
	flags uint32 // of a leaf's
	child uint64 // of a branch's
	key   []byte
	value []byte
}

// tree calls leaf with each element of the tree's leaves, in order. What it reads is
// in p, which id is said to be.
func (r *reader) tree(p []byte, id uint64, leaf func(element, uint64)) {
	flags, count := order.Uint16(p[8:]), int(order.Uint16(p[10:]))
	if flags != branchPage && flags != leafPage {
		r.damaged("page %d: should be a branch or a leaf, but has the flags %#x", id, flags)
		return
	}
	if flags == branchPage && count == 0 {
		r.damaged("page %d: a branch without children", id)
	}
	data := headerSize + count*elementSize // where the keys and values are
	if data > len(p) {
		r.damaged("page %d: %d elements do not fit", id, count)
		return
	}
	if count == 0 && len(bytes.Trim(p[data:], "\x00")) > 0 {
		r.damaged("page %d: empty, but not all zeroes", id)
	}
	next := uint64(data) // bbolt leaves no gaps, so that a count that is too low shows
	left := uint64(len(p) - data)
	for at := headerSize; at < data; at += elementSize {
		var e element
		head := p[at:]
		var pos, keySize, valueSize uint64
		if flags == branchPage {
			pos, keySize = uint64(order.Uint32(head)), uint64(order.Uint32(head[4:]))
			e.child = order.Uint64(head[8:])
		} else {
			e.flags = order.Uint32(head)
			pos, keySize = uint64(order.Uint32(head[4:])), uint64(order.Uint32(head[8:]))
			valueSize = uint64(order.Uint32(head[12:]))
		}
		pos += uint64(at)
		end := pos + keySize + valueSize
		if pos < uint64(data) || keySize == 0 || end > uint64(len(p)) || keySize+valueSize > left {
			r.damaged("page %d: an element is not within it", id)
			continue
		}
		if pos != next {
			r.damaged("page %d: there is a gap before an element", id)
		}
		next = end
		left -= keySize + valueSize
		e.key, e.value = p[pos:pos+keySize], p[pos+keySize:end]
		r.inOrder(e.key, id, flags == branchPage)
		if flags == leafPage {
			leaf(e, id)
		} else if child := r.page(e.child); child != nil {
			r.tree(child, e.child, leaf)
		}
	}
}

// inOrder checks that the key comes after the last one.
func (r *reader) inOrder(key []byte, id uint64, branch bool) {
	if c := bytes.Compare(key, r.last); c < 0 || c == 0 && !r.branch {
		r.damaged("page %d: the keys are not in order", id)
	}
	r.last, r.branch = key, branch
}

// bucket reads an element of the tree of buckets.
func (r *reader) bucket(e element, id uint64) {
	if e.flags != bucketElement || !bytes.Equal(e.key, bucketName) || len(e.value) < bucketHeader {
		r.damaged("page %d: should be the bucket %q, but is %.40q", id, bucketName, e.key)
		return
	}
	r.buckets++
	r.last, r.branch = nil, false
	if root := order.Uint64(e.value); root == 0 {
		if leaf := e.value[bucketHeader:]; len(leaf) < headerSize {
			r.damaged("page %d: the bucket is cut off", id)
		} else {
			r.tree(leaf, id, r.record)
		}
	} else if p := r.page(root); p != nil {
		r.tree(p, root, r.record)
	}
}

// record reads an element of the bucket.
func (r *reader) record(e element, id uint64) {
	if e.flags != 0 {
		r.damaged("page %d: should be a record, but has the flags %#x", id, e.flags)
		return
	}
	record, err := unseal(e.key, e.value)
	var version versionError
	switch {
	case errors.As(err, &version):
		r.newer = err
	case err != nil:
		r.damaged("page %d: record %.40q of kind %d: %w", id, e.key[1:], e.key[0], err)
	default:
		r.records = append(r.records, record)
	}
}

// freelist reads the list of free pages. It returns false if that is damaged.
func (r *reader) freelist() bool {
	id := r.meta.freelist
	p := r.page(id)
	if p == nil {
		return false
	}
	if flags := order.Uint16(p[8:]); flags != freelistPage {
		r.damaged("page %d: should be the list of free pages, but has the flags %#x", id, flags)
		return false
	}
	count, at := uint64(order.Uint16(p[10:])), headerSize
	if count == 0xFFFF { // or more, and then the first entry says how many
		count, at = order.Uint64(p[at:]), at+8
	}
	if count > uint64(len(p)-at)/8 {
		r.damaged("page %d: %d free pages do not fit", id, count)
		return false
	}
	ok := true
	for range count {
		ok = r.visit(order.Uint64(p[at:])) && ok
		at += 8
	}
	return ok
}

// checkFreelist checks what can be checked before each write at little cost. bbolt
// trusts the list of free pages about how many pages it spans, and would add up to
// four billion of them to those in memory.
func checkFreelist(f io.ReaderAt) error {
	var m meta
	for i := range int64(2) {
		if other, err := readMeta(f, i); err == nil && other.transaction >= m.transaction {
			m = other
		}
	}
	var head [headerSize]byte
	if _, err := f.ReadAt(head[:], int64(m.freelist)*pageSize); err != nil {
		return err
	}
	more := uint64(order.Uint32(head[12:]))
	if order.Uint64(head[:]) != m.freelist || order.Uint16(head[8:]) != freelistPage || more >= m.pages-m.freelist {
		return fmt.Errorf("page %d is not the list of free pages any more", m.freelist)
	}
	return nil
}
