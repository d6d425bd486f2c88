package probes

import "strconv"

// CloseNotify is the name of the alert that is none: nothing more will be
// sent (RFC 8446 section 6.1).
const CloseNotify = "close_notify"

// An alert is a description of a TLS alert.
type alert struct {
	description uint8
	name        string
	other       bool // RFC 8446 appendix B.2 reserves it, or does not have it
}

// alerts lists RFC 8446 section 6 and the registry of IANA.
func alerts() []alert {
	return []alert{
		{0, CloseNotify, false}, {10, "unexpected_message", false}, {20, "bad_record_mac", false},
		{21, "decryption_failed", true}, {22, "record_overflow", false}, {30, "decompression_failure", true},
		{40, "handshake_failure", false}, {41, "no_certificate", true}, {42, "bad_certificate", false},
		{43, "unsupported_certificate", false}, {44, "certificate_revoked", false}, {45, "certificate_expired", false},
		{46, "certificate_unknown", false}, {47, "illegal_parameter", false}, {48, "unknown_ca", false},
		{49, "access_denied", false}, {50, "decode_error", false}, {51, "decrypt_error", false},
		{60, "export_restriction", true}, {70, "protocol_version", false}, {71, "insufficient_security", false},
		{80, "internal_error", false}, {86, "inappropriate_fallback", false}, {90, "user_canceled", false},
		{100, "no_renegotiation", true}, {109, "missing_extension", false}, {110, "unsupported_extension", false},
		{111, "certificate_unobtainable", true}, {112, "unrecognized_name", false},
		{113, "bad_certificate_status_response", false}, {114, "bad_certificate_hash_value", true},
		{115, "unknown_psk_identity", false}, {116, "certificate_required", false},
		{120, "no_application_protocol", false}, {121, "ech_required", true},
	}
}

// AlertName returns the name of a TLS alert description, as RFC 8446 section 6
// and the registry of IANA write it: bad_certificate for 42. What nobody has
// named is its number.
func AlertName(description uint8) string {
	for _, a := range alerts() {
		if a.description == description {
			return a.name
		}
	}
	return strconv.Itoa(int(description))
}

// AlertNames lists the names of RFC 8446 section 6 in the order of their
// numbers, but for close_notify and the reserved ones.
func AlertNames() []string {
	var names []string
	for _, a := range alerts() {
		if !a.other && a.name != CloseNotify {
			names = append(names, a.name)
		}
	}
	return names
}
