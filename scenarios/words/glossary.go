package words

// A Term is a word of the trade in both languages, as the course has it.
type Term struct {
	EN, ZH string
	Not    []string // other Chinese words for it, which are not used here
}

// Glossary lists the terms of the course: what stands in it is called so
// everywhere, in the gallery as in what netlab says.
func Glossary() []Term {
	return []Term{
		{"three-way handshake", "三次握手", []string{"三路握手", "三向握手"}},
		{"four-way handshake (of closing)", "四次挥手", []string{"四次握手", "四路挥手"}},
		{"active closer (who sends the first FIN)", "主动关闭方", []string{"主动关闭端", "主动关闭者"}},
		{"passive closer", "被动关闭方", []string{"被动关闭端", "被动关闭者"}},
		{"half-close", "半关闭", []string{"半闭"}},
		{"simultaneous open, close", "同时打开、同时关闭", nil},
		{"connection", "连接", nil},
		{"segment (TCP)", "报文段", []string{"数据段", "TCP 段"}},
		{"datagram (UDP)", "数据报", []string{"数据包"}},
		{"packet (IP)", "分组", []string{"封包"}},
		{"frame", "帧", nil},
		{"header", "首部", []string{"报头", "包头", "头部"}},
		{"payload", "载荷", []string{"净荷"}},
		{"sequence number", "序号", []string{"序列号"}},
		{"acknowledgement", "确认", nil},
		{"retransmission", "重传", []string{"重发"}},
		{"loss", "丢失", []string{"丢包"}},
		{"reset", "复位", []string{"重置"}},
		{"window, zero window", "窗口、零窗口", []string{"视窗"}},
		{"flow control", "流量控制", []string{"流控"}},
		{"congestion control", "拥塞控制", []string{"拥塞管理"}},
		{"round trip", "往返", nil},
		{"socket", "套接字", []string{"套接口"}},
		{"buffer", "缓冲区", []string{"缓存区"}},
		{"to listen", "监听", []string{"侦听"}},
		{"port", "端口", nil},
		{"status code", "状态码", []string{"状态代码"}},
		{"redirect", "重定向", []string{"重新导向"}},
		{"request, response", "请求、响应", nil},
		{"session (HTTP)", "会话", []string{"会谈"}},
		{"certificate", "证书", []string{"凭证"}},
		{"plaintext", "明文", nil},
		{"authoritative server", "权威服务器", []string{"授权服务器"}},
		{"capture", "抓包", nil},
		{"expectation, verdict, finding", "预期、判定、结论", nil},
		{"mutation (a change that must be noticed)", "变异", nil},
	}
}
