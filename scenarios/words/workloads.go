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
	ValueNotReason    ID = "value.not_reason"
	NotToken          ID = "name.not_token"
	NotETag           ID = "value.not_etag"
	NotRequestLine    ID = "value.not_request_line"
	StatusNotInterim  ID = "fit.status_not_interim"
	NameNotCounter    ID = "name.not_counter"
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

	ListedTwice      ID = "fit.listed_twice"
	StatusNoRedirect ID = "fit.status_no_redirect"
	StatusNoBody     ID = "fit.status_no_body"
	NotURL           ID = "value.not_url"
	NotWebAddress    ID = "value.not_web_address"
	NotRequestPath   ID = "value.not_request_path"
	NotCookieValue   ID = "value.not_cookie"
	NotAddressOrNode ID = "value.not_address_or_node"
	NotRecord        ID = "value.not_record"
	NotMailbox       ID = "value.not_mailbox"
	NotAbsolute      ID = "value.not_absolute"
	NotPackage       ID = "value.not_package"
	NotProgram       ID = "value.not_program"
	NotKernel        ID = "value.not_kernel"
	ScriptAfterClose ID = "script.after_close"
	TLSRange         ID = "fit.tls_range"
	HTTP2NeedsTLS    ID = "fit.http2_needs_tls"
	HTTPVersions     ID = "fit.http_versions"
	WrongServer      ID = "fit.wrong_server"
	ServerNoPort     ID = "fit.server_no_port"
	ServerCircle     ID = "fit.server_circle"
	AliasAlone       ID = "fit.alias_alone"
	NoResolver       ID = "fit.no_resolver"
	ResolverPort     ID = "fit.resolver_port"
	NeverReady       ID = "fit.never_ready"
	LinkElsewhere    ID = "fit.link_elsewhere"
	FlagBothWays     ID = "fit.flag_both_ways"
	RouteMTU         ID = "fit.route_mtu"
	DatagramTooBig   ID = "fit.datagram_too_big"
	NotOfVerb        ID = "fit.not_of_verb"
	NotConnections   ID = "fit.not_connections"
	TextBothWays     ID = "fit.text_both_ways"
)

// workloadTexts is what is said of them.
var workloadTexts = texts{
	NameNotHeader:   {"%[1]s is not the name of a header field (RFC 9110 section 5.1)", "%[1]s 不是首部字段名（RFC 9110 第 5.1 节）"},
	NameNotCookie:   {"%[1]s is not the name of a cookie (RFC 6265 section 4.1)", "%[1]s 不是 cookie 名（RFC 6265 第 4.1 节）"},
	NameNotRoute:    {"%[1]s is not a path such as /news: it begins with / and has no query", "%[1]s 不是路径（应如 /news）：以 / 开头，不带查询"},
	NameNotVariable: {"%[1]s is not the name of a variable: A-Z a-z 0-9 _, the first no digit", "%[1]s 不是变量名：A-Z a-z 0-9 _，首字符不是数字"},
	NameNotExecFile: {"%[1]s is not a path below a directory of which every node has its own, without turning back; %[2]s is netlab's", "%[1]s 不是节点私有目录之下不折返的路径；%[2]s 归 netlab 使用"},
	NameNotDomain:   {"%[1]s is not a name of the DNS", "%[1]s 不是 DNS 名称"},

	ValueNotReason:    {"%[1]s is not an end and a reason, such as %[2]s", "%[1]s 不是“端 + 原因”，应如 %[2]s"},
	NotToken:          {"%[1]s is not a token of HTTP (RFC 9110 section 5.6.2)", "%[1]s 不是 HTTP 的 token（RFC 9110 第 5.6.2 节）"},
	NotETag:           {"%[1]s is not what may stand between the quotes of an entity tag (RFC 9110 section 8.8.3)", "%[1]s 不能放在实体标签的引号之间（RFC 9110 第 8.8.3 节）"},
	NotRequestLine:    {"%[1]s is not a method and a path, such as \"GET /page\"", "%[1]s 不是方法加路径，应如 \"GET /page\""},
	StatusNotInterim:  {"%[1]d is no interim status: those are 100 to 199", "%[1]d 不是中间状态码：应为 100 到 199"},
	NameNotCounter:    {"%[1]s is not a counter that is read from /proc/net/netstat or /proc/net/snmp", "%[1]s 不是从 /proc/net/netstat 或 /proc/net/snmp 读取的计数器"},
	ValueNotAlert:     {"%[1]s is not an end and an alert, such as %[2]s", "%[1]s 不是“端 + 警报”，应如 %[2]s"},
	ValueNotRouteTo:   {"%[1]s is not a network such as %[2]s or %[3]s", "%[1]s 不是网络，应如 %[2]s 或 %[3]s"},
	ValueNotPlainAddr: {"%[1]s is not an address such as %[2]s or %[3]s, without prefix length", "%[1]s 不是地址，应如 %[2]s 或 %[3]s，不带前缀长度"},

	ScriptTooMuch:   {"nothing can follow %[1]s, here stands %[2]s", "%[1]s 之后不能再有内容，这里有 %[2]s"},
	ScriptTooLittle: {"a text must follow %[1]s", "%[1]s 之后必须有文本"},

	ScriptQuotes:  {"%[1]s is no text in quotes, with escapes such as \\r\\n", "%[1]s 不是带引号的文本（可用 \\r\\n 等转义）"},
	ScriptLineEnd: {"what is expected cannot contain a line's end", "所等待的内容不能含有行结束符"},

	NoLink:        {"no link %[1]s", "没有链路 %[1]s"},
	NoProcess:     {"no program %[1]s: it is an exec server, or the name (as) of an exec step with background: on", "没有程序 %[1]s：程序是 exec 服务器，或带 background: on 的 exec 步骤的名称（as）"},
	SessionOther:  {"session %[1]s is of %[2]s; %[3]s needs a session of %[4]s", "会话 %[1]s 由 %[2]s 打开；%[3]s 需要由 %[4]s 打开的会话"},
	ProcessLater:  {"program %[1]s is started only later, by steps[%[2]d]", "程序 %[1]s 要到 steps[%[2]d] 才启动"},
	ProcessEnded:  {"the end of program %[1]s was awaited by steps[%[2]d]", "steps[%[2]d] 已等到程序 %[1]s 结束"},
	ProcessServer: {"%[1]s is a server, whose end nobody can wait for; server.stop ends it", "%[1]s 是服务器，不能等待其结束；请用 server.stop 结束它"},

	ListedTwice:      {"%[1]s stands already on line %[2]d", "%[1]s 已在第 %[2]d 行列出"},
	StatusNoRedirect: {"status %[1]d is no redirection: 300 to 399", "状态码 %[1]d 不是重定向：应为 300 到 399"},
	StatusNoBody:     {"a response with status %[1]d has no body (RFC 9110)", "状态码为 %[1]d 的响应没有正文（RFC 9110）"},
	NotURL:           {"%[1]s is not a URL, nor a path", "%[1]s 既不是 URL，也不是路径"},
	NotWebAddress:    {"%[1]s is not an address such as http://server/path, without user and password", "%[1]s 不是网址，应如 http://server/path，不带用户名和密码"},
	NotRequestPath:   {"%[1]s is not a path with or without query, such as /news?page=2", "%[1]s 不是路径（可带查询），应如 /news?page=2"},
	NotCookieValue:   {"%[1]s cannot be the value of a cookie: no blanks, quotes, commas, semicolons, backslashes (RFC 6265)", "%[1]s 不能作为 cookie 的值：不含空白、引号、逗号、分号、反斜杠（RFC 6265）"},
	NotAddressOrNode: {"%[1]s is neither an address nor a node", "%[1]s 既不是地址，也不是节点"},
	NotRecord:        {"%[1]s is not the value of a record %[2]s, such as %[3]s", "%[1]s 不是 %[2]s 记录的值，应如 %[3]s"},
	NotMailbox:       {"%[1]s is not the address of a mailbox, such as alice@lab.test", "%[1]s 不是邮箱地址，应如 alice@lab.test"},
	NotAbsolute:      {"%[1]s is not a path from the root, such as /tmp/log", "%[1]s 不是从根开始的路径，应如 /tmp/log"},
	NotPackage:       {"%[1]s is not the name of a Debian package", "%[1]s 不是 Debian 软件包名"},
	NotProgram:       {"%[1]s is not the name of a program on the search path", "%[1]s 不是搜索路径上的程序名"},
	NotKernel:        {"%[1]s is not a version of Linux, such as 5.14", "%[1]s 不是 Linux 版本，应如 5.14"},
	ScriptAfterClose: {"line %[1]s closes: nothing can follow", "第 %[1]s 行已关闭连接：其后不能再有内容"},
	TLSRange:         {"TLS %[1]s is newer than %[2]s: no version is left", "TLS %[1]s 比 %[2]s 新：没有可用的版本"},
	HTTP2NeedsTLS:    {"HTTP/2 needs TLS 1.2 at least, not %[1]s (RFC 9113 section 9.2)", "HTTP/2 至少需要 TLS 1.2，不能是 %[1]s（RFC 9113 第 9.2 节）"},
	HTTPVersions:     {"server %[1]s speaks HTTP %[2]s, client %[3]s HTTP %[4]s; where the request is meant to fail, say expect_error: on", "服务器 %[1]s 使用 HTTP %[2]s，客户端 %[3]s 使用 HTTP %[4]s；若有意让请求失败，请写 expect_error: on"},
	WrongServer:      {"server %[1]s is of kind %[2]s; this needs %[3]s", "服务器 %[1]s 的种类是 %[2]s；这里需要 %[3]s"},
	ServerNoPort:     {"where program %[1]s listens is not known: give its port", "不知道程序 %[1]s 在哪里监听：请给出它的 port"},
	ServerCircle:     {"server %[1]s asks %[2]s, which comes to ask it again", "服务器 %[1]s 询问 %[2]s，而后者又绕回来询问它"},
	AliasAlone:       {"%[1]s has a CNAME, and so can have nothing else (RFC 1034 section 3.6.2)", "%[1]s 有 CNAME，因此不能有别的记录（RFC 1034 第 3.6.2 节）"},
	NoResolver:       {"node %[1]s has no resolver: give it one, or say whom to ask (to)", "节点 %[1]s 没有 resolver：请给它一个，或指明向谁询问（to）"},
	ResolverPort:     {"server %[1]s listens on port %[2]d; programs ask port 53 only", "服务器 %[1]s 在端口 %[2]d 监听；程序只会询问端口 53"},
	NeverReady:       {"nobody could tell when the program is ready: give port (something listens there), or ready: {line: ...} or {file: ...}", "无法知道程序何时就绪：请给出 port（有监听即就绪），或 ready: {line: ...}、{file: ...}"},
	LinkElsewhere:    {"link %[1]s does not end at node %[2]s", "链路 %[1]s 不在节点 %[2]s 上"},
	FlagBothWays:     {"no segment has %[1]s both set and not set", "没有报文段的 %[1]s 既置位又不置位"},
	RouteMTU:         {"%[1]d is less than the 1280 bytes that IPv6 needs (RFC 8200)", "%[1]d 小于 IPv6 所需的 1280 字节（RFC 8200）"},
	DatagramTooBig:   {"a datagram of %[1]d bytes is larger than UDP can carry: %[2]d", "%[1]d 字节的数据报超过 UDP 所能承载的 %[2]d 字节"},
	NotOfVerb:        {"step %[1]s (%[2]s) has nothing of this kind", "步骤 %[1]s（%[2]s）没有这一项结果"},
	NotConnections:   {"server %[1]s has no connections: it is on UDP", "服务器 %[1]s 没有连接：它使用 UDP"},
	TextBothWays:     {"%[1]s is to be both visible and hidden", "%[1]s 既要可见又要不可见"},
}
