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

// The code in this file reads bbolt's format, to find damage before bbolt opens the
// file. It does not map the file, visits no page twice, and checks all bounds.
//
// All numbers are in the machine's byte order. A file consists of pages of the same
// size. If the contents of a page do not fit into it, they continue in additional pages
// directly after it. The first two pages contain metadata and are written in turn: the
// one with the higher transaction number is valid, and the other describes the file as
// it was one transaction before. The metadata points to the list of free pages, and to
// the root of a tree of branch and leaf pages, whose elements are the buckets. A bucket
// is also a tree or, if it is small, a leaf page within its element.

const (
	pageSize = 4096 // independent of the machine, so that files can be moved to another one

	headerSize  = 16 // page number, flags, number of elements, number of additional pages
	elementSize = 16

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketElement = 0x01 // flag of an element of a leaf
	bucketHeader  = 16   // root page (0 if the bucket is within the element), sequence number

	boltMagic   = 0xED0CDAED
	boltVersion = 2
)

var order = binary.NativeEndian

// contents are the contents of a file.
type contents struct {
	records []Record // sorted by kind and key, without duplicates
	live    int64    // bytes in pages that are in use
	damage  error    // the first error found; nil if the file is sound
	newer   error    // a versionError if there are records of a newer version
}

// readFile reads and checks a file. If it is damaged, the records are those with a
// valid checksum. If a record that the last transaction wrote cannot be read, its
// previous value is used if that can be found.
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
	if found.damage != nil { // otherwise they are already sorted
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
	pages       uint64 // number of pages, used and free
	transaction uint64
}

// readMeta reads and checks page 0 or 1.
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
		return meta{}, errors.New("got the metadata of another page")
	case order.Uint32(b[4:]) != boltVersion:
		return meta{}, fmt.Errorf("got version %d of bbolt's format, expected %d", order.Uint32(b[4:]), boltVersion)
	case order.Uint32(b[8:]) != pageSize:
		return meta{}, fmt.Errorf("got pages of %d bytes, expected %d", order.Uint32(b[8:]), pageSize)
	}
	return meta{
		root:        order.Uint64(b[16:]),
		freelist:    order.Uint64(b[32:]),
		pages:       order.Uint64(b[40:]),
		transaction: order.Uint64(b[48:]),
	}, nil
}

// A reader reads and checks the file as described by one of its metadata pages.
type reader struct {
	file    io.ReaderAt
	meta    meta
	visited []bool // by page

	buckets    int    // number of buckets found so far
	last       []byte // last key in this bucket
	lastBranch bool   // whether the last key is that of a branch; the next key may be equal to it

	contents
}

func newReader(f io.ReaderAt, size int64, m meta) *reader {
	r := &reader{file: f, meta: m}
	available := uint64(size / pageSize)
	if m.pages > available {
		r.damaged("the file is truncated: got %d pages, expected %d", available, m.pages)
	}
	r.visited = make([]bool, min(m.pages, available))
	return r
}

// damaged records an error, if it is the first. The caller continues to read.
func (r *reader) damaged(format string, args ...any) {
	if r.damage == nil {
		r.damage = fmt.Errorf(format, args...)
	}
}

// readAll reads the tree and the list of free pages, and checks that every page is part
// of one of them. If part of the tree is damaged, it also reads the leaves that the
// tree no longer reaches.
func (r *reader) readAll() {
	if p := r.page(r.meta.root); p != nil {
		r.readTree(p, r.meta.root, r.readBucket)
	}
	if r.buckets != 1 {
		r.damaged("got %d buckets %q, expected 1", r.buckets, bucketName)
	}
	for _, visited := range r.visited {
		if visited {
			r.live += pageSize
		}
	}
	incomplete := r.damage != nil
	freeKnown := r.readFreelist()
	for id := 2; id < len(r.visited); id++ {
		if r.visited[id] {
			continue
		}
		r.damaged("page %d is neither in use nor free", id)
		if incomplete && freeKnown {
			r.readOrphan(uint64(id))
		}
	}
}

// readOrphan reads the records of a page that is not free but that the tree no longer
// reaches.
func (r *reader) readOrphan(id uint64) {
	if p := r.page(id); p != nil && order.Uint16(p[8:]) == leafPage {
		r.readTree(p, id, r.readRecord)
	}
}

// page returns the page and its additional pages, or nil if one of them is damaged or
// was visited before.
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
		r.damaged("page %d: got the header of page %d", id, other)
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

// visit marks a page as visited. It returns false if the page does not exist or was
// visited before.
func (r *reader) visit(id uint64) bool {
	switch {
	case id < 2 || id >= uint64(len(r.visited)):
		r.damaged("page %d does not exist", id)
		return false
	case r.visited[id]:
		r.damaged("page %d is used more than once", id)
		return false
	}
	r.visited[id] = true
	return true
}

// An element is an element of a leaf or branch page.
type element struct {
	flags uint32 // of a leaf only
	child uint64 // page; of a branch only
	key   []byte
	value []byte // of a leaf only
}

// readTree calls leaf with each element of the leaves of a tree, in order, and with the
// page of the element. p is the root of the tree. id is its page, or the page that
// contains p if the tree is within an element.
func (r *reader) readTree(p []byte, id uint64, leaf func(element, uint64)) {
	flags, count := order.Uint16(p[8:]), int(order.Uint16(p[10:]))
	if flags != branchPage && flags != leafPage {
		r.damaged("page %d: got flags %#x, expected those of a branch or a leaf", id, flags)
		return
	}
	if flags == branchPage && count == 0 {
		r.damaged("page %d: the branch has no children", id)
	}
	data := headerSize + count*elementSize // offset of the keys and values
	if data > len(p) {
		r.damaged("page %d: the page is too small for %d elements", id, count)
		return
	}
	if count == 0 && len(bytes.Trim(p[data:], "\x00")) > 0 {
		r.damaged("page %d: the page has no elements, but is not all zeros", id)
	}
	next := uint64(data) // bbolt leaves no gaps, so a gap means that the count is wrong
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
			r.damaged("page %d: an element is not within the page", id)
			continue
		}
		if pos != next {
			r.damaged("page %d: there is a gap before an element", id)
		}
		next = end
		left -= keySize + valueSize
		e.key, e.value = p[pos:pos+keySize], p[pos+keySize:end]
		r.checkOrder(e.key, id, flags == branchPage)
		if flags == leafPage {
			leaf(e, id)
		} else if child := r.page(e.child); child != nil {
			r.readTree(child, e.child, leaf)
		}
	}
}

// checkOrder checks that the key follows the last one in order.
func (r *reader) checkOrder(key []byte, id uint64, branch bool) {
	if c := bytes.Compare(key, r.last); c < 0 || c == 0 && !r.lastBranch {
		r.damaged("page %d: the keys are not in order", id)
	}
	r.last, r.lastBranch = key, branch
}

// readBucket reads an element of the tree of buckets.
func (r *reader) readBucket(e element, id uint64) {
	if e.flags != bucketElement || !bytes.Equal(e.key, bucketName) || len(e.value) < bucketHeader {
		r.damaged("page %d: got %.40q, expected the bucket %q", id, e.key, bucketName)
		return
	}
	r.buckets++
	r.last, r.lastBranch = nil, false
	if root := order.Uint64(e.value); root == 0 {
		if leaf := e.value[bucketHeader:]; len(leaf) < headerSize {
			r.damaged("page %d: the bucket is truncated", id)
		} else {
			r.readTree(leaf, id, r.readRecord)
		}
	} else if p := r.page(root); p != nil {
		r.readTree(p, root, r.readRecord)
	}
}

// readRecord reads an element of the bucket.
func (r *reader) readRecord(e element, id uint64) {
	if e.flags != 0 {
		r.damaged("page %d: got flags %#x, expected those of a record", id, e.flags)
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

// readFreelist marks the pages in the list of free pages as visited. It returns false
// if the list is damaged.
func (r *reader) readFreelist() bool {
	id := r.meta.freelist
	p := r.page(id)
	if p == nil {
		return false
	}
	if flags := order.Uint16(p[8:]); flags != freelistPage {
		r.damaged("page %d: got flags %#x, expected those of the list of free pages", id, flags)
		return false
	}
	count, at := uint64(order.Uint16(p[10:])), headerSize
	if count == 0xFFFF { // the first entry is the actual number, which does not fit in 16 bits
		count, at = order.Uint64(p[at:]), at+8
	}
	if count > uint64(len(p)-at)/8 {
		r.damaged("page %d: the page is too small for a list of %d free pages", id, count)
		return false
	}
	ok := true
	for range count {
		ok = r.visit(order.Uint64(p[at:])) && ok
		at += 8
	}
	return ok
}

// checkFreelist checks the header of the list of free pages. It is cheap enough to run
// before each write. bbolt trusts the number of pages in this header: a wrong number
// could make it append as many as four billion pages to its list in memory.
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
		return fmt.Errorf("page %d is no longer the list of free pages", m.freelist)
	}
	return nil
}
