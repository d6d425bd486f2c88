package words

// What is wrong with the parts of a scenario that speak of HTTP, TLS, DNS,
// programs and middleboxes.
const (
	NameNotHeader   ID = "name.not_header"
	NameNotCookie   ID = "name.not_cookie"
	NameNotRoute    ID = "name.not_route"
	NameNotVariable ID = "name.not_variable"
	NameNotExecFile ID = "name.not_exec_file"
	NameNotDomain   ID = "name.not_domain"

	ValueNotAlert     ID = "value.not_alert"
	ValueNotRouteTo   ID = "value.not_route_to"
	ValueNotPlainAddr ID = "value.not_plain_address"

	ScriptTooMuch   ID = "script.too_much"
	ScriptTooLittle ID = "script.too_little"
	ScriptQuotes    ID = "script.quotes"
	ScriptLineEnd   ID = "script.line_end"

	NoLink        ID = "ref.no_link"
	NoProcess     ID = "ref.no_process"
	SessionOther  ID = "ref.session_other"
	ProcessLater  ID = "ref.process_later"
	ProcessEnded  ID = "ref.process_ended"
	ProcessServer ID = "ref.process_server"
)

// workloadTexts is what is said of them.
var workloadTexts = texts{
	NameNotHeader:   {"%[1]s is not the name of a header field (RFC 9110 section 5.1)", "%[1]s 不是首部字段名（RFC 9110 第 5.1 节）"},
	NameNotCookie:   {"%[1]s is not the name of a cookie (RFC 6265 section 4.1)", "%[1]s 不是 cookie 名（RFC 6265 第 4.1 节）"},
	NameNotRoute:    {"%[1]s is not a path such as /news: it begins with / and has no query", "%[1]s 不是路径（应如 /news）：以 / 开头，不带查询"},
	NameNotVariable: {"%[1]s is not the name of a variable: A-Z a-z 0-9 _, the first no digit", "%[1]s 不是变量名：A-Z a-z 0-9 _，首字符不是数字"},
	NameNotExecFile: {"%[1]s is not a path below a directory that nodes have for themselves, without turning back; %[2]s is taken", "%[1]s 不是节点私有目录之下不折返的路径；%[2]s 已被占用"},
	NameNotDomain:   {"%[1]s is not a name of the DNS", "%[1]s 不是 DNS 名称"},

	ValueNotAlert:     {"%[1]s is not an end and an alert, such as %[2]s", "%[1]s 不是“端 + 警报”，应如 %[2]s"},
	ValueNotRouteTo:   {"%[1]s is not a network such as %[2]s or %[3]s", "%[1]s 不是网络，应如 %[2]s 或 %[3]s"},
	ValueNotPlainAddr: {"%[1]s is not an address such as %[2]s or %[3]s, without prefix length", "%[1]s 不是地址，应如 %[2]s 或 %[3]s，不带前缀长度"},

	ScriptTooMuch:   {"nothing can follow %[1]s, here stands %[2]s", "%[1]s 之后不能再有内容，这里有 %[2]s"},
	ScriptTooLittle: {"a text must follow %[1]s", "%[1]s 之后必须有文本"},

	ScriptQuotes:    {"%[1]s is no text in quotes, with escapes such as \\r\\n", "%[1]s 不是带引号的文本（可用 \\r\\n 等转义）"},
	ScriptLineEnd:   {"what is expected cannot contain a line's end", "所等待的内容不能含有行结束符"},

	NoLink:        {"no link %[1]s", "没有链路 %[1]s"},
	NoProcess:     {"no program %[1]s: it is an exec server, or the name (as) of an exec step with background: on", "没有程序 %[1]s：程序是 exec 服务器，或带 background: on 的 exec 步骤的名称（as）"},
	SessionOther:  {"session %[1]s is of %[2]s; %[3]s needs one of %[4]s", "会话 %[1]s 由 %[2]s 打开；%[3]s 需要由 %[4]s 打开的会话"},
	ProcessLater:  {"program %[1]s is started only later, by steps[%[2]d]", "程序 %[1]s 要到 steps[%[2]d] 才启动"},
	ProcessEnded:  {"the end of program %[1]s was awaited by steps[%[2]d]", "steps[%[2]d] 已等到程序 %[1]s 结束"},
	ProcessServer: {"%[1]s is a server, whose end nobody can wait for; server.stop ends it", "%[1]s 是服务器，不能等待其结束；请用 server.stop 结束它"},
}
