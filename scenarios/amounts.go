package scenarios

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"netlab/scenarios/words"
)

// This file holds the forms of shares and of rates.

// millionths is the share of everything, 100%, in the unit of Percent.
const millionths = 1_000_000

// percentDecimals is how many decimals a percentage has at most: the last is
// a millionth of the whole.
const percentDecimals = 4

// parseText reads 1%, 0.5%, 12.5%.
func (p *Percent) parseText(s string) *fault {
	number, signed := strings.CutSuffix(s, "%")
	integer, fraction, pointed := strings.Cut(number, ".")
	if !isNumber(integer) || integer[0] == '-' || pointed && !isDigits(fraction) {
		return notShare(s)
	}
	if !signed {
		return bad(words.ValueNoPercent, short(s)).instead([]string{short(s) + "%"}, "")
	}
	if len(fraction) > percentDecimals {
		return bad(words.ValueShareTooFine, quote(s), percentDecimals)
	}
	n, err := strconv.ParseInt(integer, 10, 64)
	if err != nil || n > 1000 {
		n = 1000 // out of every bound
	}
	part, _ := strconv.ParseInt((fraction + "0000")[:percentDecimals], 10, 64)
	*p = Percent(n*(millionths/100) + part)
	return nil
}

// notShare tells how a share is written. Blanks, and the sign that Chinese
// keyboards have, are common slips.
func notShare(s string) *fault {
	f := bad(words.ValueNotShare, quote(s), "1%", "0.5%")
	meant := strings.ReplaceAll(strings.Join(strings.Fields(s), ""), "％", "%")
	if meant != s && new(Percent).parseText(meant) == nil {
		f.instead([]string{meant}, meant)
	}
	return f
}

// isDigits reports whether s consists of digits, one at least.
func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// String returns the share as it is written: 0.5%.
func (p Percent) String() string {
	s := strconv.FormatInt(int64(p)/(millionths/100), 10)
	if part := int64(p) % (millionths / 100); part > 0 {
		digits := strconv.FormatInt(millionths/100+part, 10)[1:]
		s += "." + strings.TrimRight(digits, "0")
	}
	return s + "%"
}

// rateUnits lists the units of a rate, the smallest first.
func rateUnits() []string { return []string{"bit", "kbit", "Mbit", "Gbit"} }

// rateUnit returns what a unit of a number of bits stands for, 0 if it is none.
func rateUnit(s string) int64 {
	switch s {
	case "bit":
		return 1
	case "kbit":
		return 1e3
	case "Mbit":
		return 1e6
	case "Gbit":
		return 1e9
	}
	return 0
}

// parseText reads 500kbit, 10Mbit, 1Gbit.
func (r *Rate) parseText(s string) *fault {
	if isNumber(s) {
		return bad(words.ValueNoRateUnit, short(s)).instead([]string{short(s) + "kbit", short(s) + "Mbit"}, "")
	}
	rest := strings.TrimLeft(s, "0123456789")
	digits := s[:len(s)-len(rest)]
	unit := rateUnit(rest)
	if unit == 0 || !isNumber(digits) {
		return notRate(s, digits)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	const most = 1 << 60
	if err != nil || n > most/unit {
		n, unit = most, 1 // out of every bound
	}
	*r = Rate(n * unit)
	return nil
}

// notRate tells how a rate is written: with which units, where the digits are
// right, and without a fraction. Bytes in a second are no misspelt bits, and
// resemble none.
func notRate(s, digits string) *fault {
	f := bad(words.ValueNotRate, quote(s), "500kbit", "10Mbit")
	if whole := wholeRate(s); whole != "" {
		return f.instead([]string{whole}, "")
	}
	if !isNumber(digits) || len(digits) > 12 || strings.Contains(s, ".") {
		return f
	}
	var allowed []string
	for _, unit := range rateUnits()[1:] {
		allowed = append(allowed, digits+unit)
	}
	near := strings.Join(strings.Fields(s), "")
	if strings.Contains(near, "B") {
		near = ""
	}
	return f.instead(allowed, near)
}

// wholeRate writes 1.5Mbit as 1500kbit; "" if s is nothing of the kind.
func wholeRate(s string) string {
	integer, rest, _ := strings.Cut(s, ".")
	unit := strings.TrimLeft(rest, "0123456789")
	fraction := rest[:len(rest)-len(unit)]
	smaller := slices.Index(rateUnits(), unit) - 1
	if smaller < 0 || !isNumber(integer) || integer[0] == '-' || len(integer) > 12 || fraction == "" || len(fraction) > 3 {
		return ""
	}
	n, _ := strconv.ParseInt(integer+(fraction + "000")[:3], 10, 64)
	if lo, _ := boundsOf(reflect.TypeFor[Rate](), nil); n*rateUnit(rateUnits()[smaller]) < lo.amount {
		return ""
	}
	return strconv.FormatInt(n, 10) + rateUnits()[smaller]
}

// String returns the rate as it is written: 10Mbit.
func (r Rate) String() string {
	for _, unit := range slices.Backward(rateUnits()) {
		if n := rateUnit(unit); int64(r)%n == 0 {
			return strconv.FormatInt(int64(r)/n, 10) + unit
		}
	}
	return "" // cannot be: every number is so many bits
}
