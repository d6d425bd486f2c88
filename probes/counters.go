package probes

// A CounterGroup is a group of the kernel's counters: two lines of
// /proc/net/netstat or /proc/net/snmp that begin with a prefix.
type CounterGroup struct {
	Prefix string // TcpExt:
	Names  []string
}

// Counters lists the counters that are read: those that tell why connections
// fail or are ended, what flow control does, and what becomes of datagrams, as
// net/ipv4/proc.c names them (snmp4_net_list, snmp4_tcp_list, snmp4_udp_list).
// No name is in two groups. Kernels that do not have one of them do not show
// it.
func Counters() []CounterGroup {
	return []CounterGroup{
		{"TcpExt:", []string{
			"ListenOverflows", "ListenDrops", "TCPReqQFullDrop", "TCPReqQFullDoCookies",
			"SyncookiesSent", "SyncookiesRecv", "SyncookiesFailed", "EmbryonicRsts",
			"TCPAbortOnData", "TCPAbortOnClose", "TCPAbortOnTimeout", "TCPAbortOnLinger",
			"TCPChallengeACK", "TCPSYNChallenge", "TWRecycled", "TCPTimeWaitOverflow",
			"TCPFastOpenPassive", "TCPFastOpenActive", "TCPFastOpenPassiveFail",
			"TCPRcvQDrop", "TCPZeroWindowDrop", "TCPKeepAlive", "TCPTimeouts", "TCPLostRetransmit",
			"TCPToZeroWindowAdv", "TCPFromZeroWindowAdv", "TCPWinProbe"}},
		{"Tcp:", []string{"EstabResets", "AttemptFails", "OutRsts"}},
		{"Udp:", []string{"InDatagrams", "NoPorts", "InErrors", "OutDatagrams", "RcvbufErrors"}},
	}
}
