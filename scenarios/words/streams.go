package words

// What the judge says about what is in the streams, about TLS, about results
// of steps, and about a machine with too much to do.
const (
	CheckTextFound     ID = "check.text_found" // frame, end
	CheckTextAbsent    ID = "check.text_absent"
	CheckStreamHoles   ID = "check.stream_holes" // end
	CheckNoTLS         ID = "check.no_tls"
	CheckNotSearched   ID = "check.not_searched" // end
	CheckNoHello       ID = "check.no_hello"
	CheckTLSDiffers    ID = "check.tls_differs" // version on the wire, end, version there
	CheckCallsAlone    ID = "check.calls_alone"
	CheckAlertInferred ID = "check.alert_inferred" // end, alert
	CheckSealed        ID = "check.sealed"         // end, frame
	CheckPadded        ID = "check.padded"         // end, frame
	CheckOnlyHeard     ID = "check.only_heard"     // end
	CheckSayOurs       ID = "check.say_ours"
	CheckNoticeUnseen  ID = "check.notice_unseen" // end

	CheckContentCut    ID = "check.content_cut"     // bytes
	CheckContentHas    ID = "check.content_has"     // text
	CheckContentHasNot ID = "check.content_has_not" // text

	CheckStarvedBy ID = "check.starved_by" // duration
	CheckStarvedAt ID = "check.starved_at" // node, duration
)

// streamTexts is what is said of them.
var streamTexts = texts{
	CheckTextFound:     {"frame %[1]d bears it, sent by %[2]s", "第 %[1]d 帧中就有，由 %[2]s 发出"},
	CheckTextAbsent:    {"it is in neither stream, and both were read whole", "两个方向的数据流都已完整读取，其中都没有"},
	CheckNoTLS:         {"there was no TLS on the connection", "该连接上没有 TLS"},
	CheckStreamHoles:   {"parts of what %[1]s sent were not captured, or could not be followed", "%[1]s 发送的数据没有全部抓到，或无法解读"},
	CheckNotSearched:   {"nobody read what %[1]s sent", "没有人读过 %[1]s 发送的数据"},
	CheckNoHello:       {"no server_hello was sent", "没有发送过 server_hello"},
	CheckTLSDiffers:    {"the wire says TLS %[1]s, the program of %[2]s says %[3]s", "线路上是 TLS %[1]s，而 %[2]s 上的程序说是 %[3]s"},
	CheckCallsAlone:    {"it is encrypted on the wire; only the programs can tell", "线路上是加密的；只有两端的程序知道"},
	CheckAlertInferred: {"that %[1]s sent %[2]s is inferred; nobody received it", "%[1]s 发送了 %[2]s 只是推断；没有人收到"},
	CheckSealed:        {"%[1]s sent an encrypted record that may be an alert (frame %[2]d); what is in it cannot be read", "%[1]s 发送了一个可能是警报的加密记录（第 %[2]d 帧）；无法读出内容"},
	CheckPadded:        {"%[1]s sent encrypted records that may be alerts, whatever their size: they may be padded (RFC 8446 section 5.4; the last is in frame %[2]d)", "%[1]s 发送了加密记录，无论大小都可能是警报：记录可能带有填充（RFC 8446 第 5.4 节；最后一个在第 %[2]d 帧）"},
	CheckOnlyHeard:     {"that %[1]s sent it is known from the other end alone, and not when", "%[1]s 发送了它，这只有另一端知道，时间未知"},
	CheckSayOurs:       {"use a client or server of netlab's own at that end: it records its TLS", "请在该端使用 netlab 自己的客户端或服务器：它们会记录自己的 TLS"},
	CheckNoticeUnseen:  {"the program of %[1]s says that it sent close_notify, yet no such record was captured", "%[1]s 上的程序说发送了 close_notify，却没有抓到这样的记录"},

	CheckContentCut:    {"only the first %[1]d bytes of what came were kept", "收到的内容只保留了前 %[1]d 字节"},
	CheckContentHas:    {"what came contains %[1]s", "收到的内容包含 %[1]s"},
	CheckContentHasNot: {"what came does not contain %[1]s", "收到的内容不包含 %[1]s"},

	CheckStarvedBy: {"the machine kept the run waiting for %[1]s", "机器繁忙，运行曾被耽搁 %[1]s"},
	CheckStarvedAt: {"the machine kept node %[1]s waiting for %[2]s", "机器繁忙，节点 %[1]s 曾被耽搁 %[2]s"},
}
