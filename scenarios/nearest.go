package scenarios

import "strings"

// nearest returns the word that s was most likely meant to be, or "" if none
// is near enough: a quarter of its letters may be wrong, and one more.
func nearest(s string, allowed []string) string {
	const longest = 64
	if s == "" || len(s) > longest {
		return ""
	}
	s = strings.ToLower(s)
	best, least := "", 2+len(s)/4
	for _, word := range allowed[:min(len(allowed), maxCandidates)] {
		if abs(len(word)-len(s)) >= least || len(word) > longest {
			continue
		}
		if d := distance(s, strings.ToLower(word)); d < least && d < max(len(s), len(word)) {
			best, least = word, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	var rows [3][]int
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	before, last, row := rows[0], rows[1], rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// familyFirst lists verbs with those of the same family as s first: what
// stands before the dot is the same.
func familyFirst(verbs []string, s string) []string {
	family, _, dotted := strings.Cut(s, ".")
	if !dotted {
		return verbs
	}
	var first, rest []string
	for _, v := range verbs {
		if strings.HasPrefix(v, family+".") {
			first = append(first, v)
		} else {
			rest = append(rest, v)
		}
	}
	return append(first, rest...)
}

func abs(n int) int { return max(n, -n) }
