package probes

// A Protocol is what a layer of a frame is, or what it carries where that is no
// protocol.
type Protocol string

// The protocols that are told from each other.
const (
	EthernetProtocol Protocol = "Ethernet" // with a type (DIX)
	IEEE8023Protocol Protocol = "802.3"    // with a length
	LLCProtocol      Protocol = "LLC"
	STPProtocol      Protocol = "STP"
	PPPProtocol      Protocol = "PPP"
	ARPProtocol      Protocol = "ARP"
	IPv4Protocol     Protocol = "IPv4"
	IPv6Protocol     Protocol = "IPv6"
	ICMPProtocol     Protocol = "ICMP"
	ICMPv6Protocol   Protocol = "ICMPv6"
	TCPProtocol      Protocol = "TCP"
	UDPProtocol      Protocol = "UDP"
	TLSProtocol      Protocol = "TLS"
	SSHProtocol      Protocol = "SSH"
	RPCProtocol      Protocol = "RPC"
	HTTPProtocol     Protocol = "HTTP"
	FTPProtocol      Protocol = "FTP"
	SMTPProtocol     Protocol = "SMTP"
	DNSProtocol      Protocol = "DNS"
	DHCPProtocol     Protocol = "DHCP"
	JPEGProtocol     Protocol = "JPEG"
	MPEGProtocol     Protocol = "MPEG"
	TextProtocol     Protocol = "text" // printable ASCII
	DataProtocol     Protocol = "data" // anything else
)

// Protocols lists them, the outer ones first.
func Protocols() []Protocol {
	return []Protocol{
		EthernetProtocol, IEEE8023Protocol, LLCProtocol, STPProtocol, PPPProtocol, ARPProtocol,
		IPv4Protocol, IPv6Protocol, ICMPProtocol, ICMPv6Protocol, TCPProtocol, UDPProtocol,
		TLSProtocol, SSHProtocol, RPCProtocol, HTTPProtocol, FTPProtocol, SMTPProtocol,
		DNSProtocol, DHCPProtocol, JPEGProtocol, MPEGProtocol, TextProtocol, DataProtocol,
	}
}
