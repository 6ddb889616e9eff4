package restore

import "slices"

// takeHashes tells the hashes that were not told before, and those whose file has another sum now.
//
// Told hashes are remembered as a union: one that vanishes from a listing and returns is not told twice. A sum that a
// file had before and has again is told, for it changed again; unless the listing shows several sums for one file at
// once, where only a sum never told is news.
func (d *draft) takeHashes(listed []Hash) {
	var added []Hash
	var changed [][2]Hash
	for group := range filesOf(listed) {
		for _, h := range group {
			last, known := d.lastTold(h)
			switch {
			case known && last.Sum == h.Sum, len(group) > 1 && d.timesTold(h) > 0:
			case known:
				changed = append(changed, [2]Hash{last, h})
				d.markTold(h)
			default:
				d.markTold(h)
				added = append(added, h)
			}
		}
	}
	for chunk := range chunks(added) {
		d.tell(Event{ID: d.fact("hash", digestHashes(chunk...)), Type: HashAdded, Severity: Info, Hashes: chunk})
	}
	for _, c := range changed { // a hash may have come and changed at once
		d.changeHash(c[0], c[1])
	}
}

func (d *draft) changeHash(from, to Hash) {
	d.tell(Event{
		ID:           again([]string{d.subject(), "hashchanged", digestHashes(to)}, d.timesTold(to)),
		Type:         HashChanged,
		Severity:     Critical,
		Hash:         &to,
		PreviousHash: &from,
	})
}

// lastTold returns the hash of the same file and algorithm that was told last.
func (d *draft) lastTold(h Hash) (Hash, bool) {
	for _, t := range slices.Backward(d.memory.Told) {
		if t.File == h.File && t.Algorithm == h.Algorithm {
			return t.Hash, true
		}
	}
	return Hash{}, false
}

// markTold puts h last among the hashes told and counts it once more.
func (d *draft) markTold(h Hash) {
	times := d.timesTold(h) + 1
	others := slices.DeleteFunc(slices.Clone(d.memory.Told), func(t Told) bool { return t.Hash == h })
	d.memory.Told = append(others, Told{Hash: h, Times: times})
}

func (d *draft) timesTold(h Hash) int {
	for _, t := range d.memory.Told {
		if t.Hash == h {
			return t.Times
		}
	}
	return 0
}

// filesOf yields the hashes of one file and algorithm after another. The hashes are sorted and free of repetitions.
func filesOf(hashes []Hash) func(yield func([]Hash) bool) {
	return func(yield func([]Hash) bool) {
		for start := 0; start < len(hashes); {
			end := start + 1
			for end < len(hashes) && hashes[end].File == hashes[start].File && hashes[end].Algorithm == hashes[start].Algorithm {
				end++
			}
			if !yield(hashes[start:end:end]) {
				return
			}
			start = end
		}
	}
}

// chunks yields hashes in runs whose text fits an event of 64 KiB, the size that CloudEvents asks every receiver to
// take. The page has one hash for a download, so that one run is what there is outside of tests and malice.
func chunks(hashes []Hash) func(yield func([]Hash) bool) {
	return func(yield func([]Hash) bool) {
		start, size := 0, 0
		for i, h := range hashes {
			text := len(h.File) + len(h.Algorithm) + len(h.Sum)
			if size += text; size > sumsPerEvent && i > start {
				if !yield(hashes[start:i:i]) {
					return
				}
				start, size = i, text
			}
		}
		if start < len(hashes) {
			yield(hashes[start:])
		}
	}
}

// sorted returns the hashes in the order of Compare, without repetitions: the order of a listing means nothing.
func sorted(hashes []Hash) []Hash {
	if len(hashes) == 0 {
		return nil
	}
	return slices.Compact(slices.SortedFunc(slices.Values(hashes), Hash.Compare))
}
