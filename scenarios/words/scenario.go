package words

// What is wrong with a scenario file.
const (
	FileTooBig       ID = "file.too_big"
	FileTooDense     ID = "file.too_dense"
	FileTooDeep      ID = "file.too_deep"
	FileTooMuch      ID = "file.too_much"
	FileTooPatched   ID = "file.too_patched"
	FileNotUTF8      ID = "file.not_utf8"
	FileControl      ID = "file.control"
	FileEmpty        ID = "file.empty"
	FileManyDocs     ID = "file.many_documents"
	FileYAML         ID = "file.yaml"
	FileYAMLIn       ID = "file.yaml_in"
	FileTab          ID = "file.tab"
	FileQuoteIt      ID = "file.quote_it"
	FileAnchor       ID = "file.anchor"
	FileMergeKey     ID = "file.merge_key"
	FileTag          ID = "file.tag"
	FileKeyKind      ID = "file.key_kind"
	FileDuplicateKey ID = "file.duplicate_key"
	FileNewer        ID = "file.newer"
	FileNoVersion    ID = "file.no_version"
	FileAllowed      ID = "file.allowed"
	FileAllowedMore  ID = "file.allowed_more"
	FileDidYouMean   ID = "file.did_you_mean"
	FileMoreErrors   ID = "file.more_errors"
	FileInVariant    ID = "file.in_variant"
)

// What is wrong with a value.
const (
	ValueUnknownKey  ID = "value.unknown_key"
	ValueMissingKey  ID = "value.missing_key"
	ValueNoKind      ID = "value.no_kind"
	ValueManyKinds   ID = "value.many_kinds"
	ValueWrongKind   ID = "value.wrong_kind"
	ValueEmpty       ID = "value.empty"
	ValueEmptyText   ID = "value.empty_text"
	ValueTooFew      ID = "value.too_few"
	ValueTooMany     ID = "value.too_many"
	ValueUnknownWord ID = "value.unknown_word"
	ValueNotNumber   ID = "value.not_number"
	ValueQuoted      ID = "value.quoted"
	ValueOutOfBounds ID = "value.out_of_bounds"
	ValueNotDuration ID = "value.not_duration"
	ValueNoUnit      ID = "value.no_unit"
	ValueNotSize     ID = "value.not_size"
	ValueNotAddress  ID = "value.not_address"
	ValueNoLength    ID = "value.no_length"
	ValueNotHost     ID = "value.not_host"
	ValueNotNetwork  ID = "value.not_network"
	ValueHostBits    ID = "value.host_bits"
	ValueNotPorts    ID = "value.not_ports"
	ValueNotOnOff    ID = "value.not_on_off"
	ValueLineBreak   ID = "value.line_break"
	ValueControl     ID = "value.control"
	ValueTooLong     ID = "value.too_long"
	ValueWholeSecs   ID = "value.whole_seconds"
	ValueBothBounds  ID = "value.both_bounds"
	ValueNoBounds    ID = "value.no_bounds"
	ValueNotStep     ID = "value.not_step"
	ValueNotSegment  ID = "value.not_segment"
	ValueNotMoment   ID = "value.not_moment"
	ValueNothingLeft ID = "value.nothing_to_remove"
	ValueFixed       ID = "value.fixed"

	KindMapping  ID = "kind.mapping"
	KindList     ID = "kind.list"
	KindText     ID = "kind.text"
	KindNothing  ID = "kind.nothing"
	KindTwoEnds  ID = "kind.two_ends"
	KindPattern  ID = "kind.pattern"
	KindDuration ID = "kind.duration"
)

// What is wrong with names and what they refer to.
const (
	NameBad        ID = "name.bad"
	NameReserved   ID = "name.reserved"
	NameTaken      ID = "name.taken"
	NameNotHost    ID = "name.not_host"
	NameNotSysctl  ID = "name.not_sysctl"
	NameNotUser    ID = "name.not_user"
	NameNotPath    ID = "name.not_path"
	NameInPath     ID = "name.in_path"
	NoNode         ID = "ref.no_node"
	NoNodeOrSwitch ID = "ref.no_node_or_switch"
	NoServer       ID = "ref.no_server"
	NoSession      ID = "ref.no_session"
	SessionLater   ID = "ref.session_later"
	SessionEnded   ID = "ref.session_ended"
	NoStep         ID = "ref.no_step"
	StepOpensNone  ID = "ref.step_opens_none"
	NoConnection   ID = "ref.no_connection"
	NoEnd          ID = "ref.no_end"
	EndsOneNode    ID = "ref.ends_one_node"
	NoTally        ID = "ref.no_tally"
)

// What does not fit together.
const (
	LinkEnds         ID = "fit.link_ends"
	LinkToItself     ID = "fit.link_to_itself"
	LinkOfSwitches   ID = "fit.link_of_switches"
	SwitchSetting    ID = "fit.switch_setting"
	AddressesNoLink  ID = "fit.addresses_no_link"
	AddressesOfLinks ID = "fit.addresses_of_links"
	AddressesTwice   ID = "fit.addresses_twice"
	AddressTaken     ID = "fit.address_taken"
	WrongFamily      ID = "fit.wrong_family"
	FamilyMissing    ID = "fit.family_missing"
	MTUTooSmall      ID = "fit.mtu_too_small"
	PortTaken        ID = "fit.port_taken"
	PortInRange      ID = "fit.port_in_range"
	FilesAndDir      ID = "fit.files_and_dir"
	OnlyWith         ID = "fit.only_with"
	ExcludesKey      ID = "fit.excludes_key"
	OneOfKeys        ID = "fit.one_of_keys"
	NothingExpected  ID = "fit.nothing_expected"
	SameMoment       ID = "fit.same_moment"
)

// scenarioTexts is what this part of the house says.
var scenarioTexts = texts{
	FileTooBig:       {"the file is larger than %[1]d bytes", "文件超过 %[1]d 字节"},
	FileTooDense:     {"the file has more than %[1]d keys and values", "文件中的键和值超过 %[1]d 个"},
	FileTooDeep:      {"nested more than %[1]d levels deep", "嵌套超过 %[1]d 层"},
	FileTooMuch:      {"aliases make this more than %[1]d values", "别名展开后超过 %[1]d 个值"},
	FileTooPatched:   {"the file times its variants is more than %[1]d values", "文件乘以变体数后超过 %[1]d 个值"},
	FileNotUTF8:      {"the file is not UTF-8", "文件不是 UTF-8 编码"},
	FileControl:      {"control character %[1]s in the file", "文件中有控制字符 %[1]s"},
	FileEmpty:        {"the file is empty", "文件是空的"},
	FileManyDocs:     {"a second document begins here; a file is one scenario", "这里开始了第二个文档；一个文件只能是一个场景"},
	FileYAML:         {"not YAML: %[1]s", "不是合法的 YAML：%[1]s"},
	FileYAMLIn:       {"not YAML: %[1]s (%[2]s that began at %[3]d:%[4]d)", "不是合法的 YAML：%[1]s（%[2]s，始于 %[3]d:%[4]d）"},
	FileTab:          {"a tab cannot indent YAML; use spaces", "YAML 不能用制表符缩进，请用空格"},
	FileQuoteIt:      {"text cannot begin with %[1]s; put it in quotes", "文本不能以 %[1]s 开头，请加引号"},
	FileAnchor:       {"no anchor %[1]s stands before this alias", "此别名之前没有锚点 %[1]s"},
	FileMergeKey:     {"merge keys (<<) are not part of the language; write the keys, or use an alias for a whole value", "本语言不支持合并键（<<）；请写出各键，或用别名引用整个值"},
	FileTag:          {"tags (%[1]s) are not part of the language", "本语言不支持标签（%[1]s）"},
	FileKeyKind:      {"a key must be text; put it in quotes", "键必须是文本，请加引号"},
	FileDuplicateKey: {"this key is given twice; the first is on line %[1]d", "此键重复；第一次在第 %[1]d 行"},
	FileNewer:        {"this file is of version %[1]s of the language; this netlab knows version %[2]d", "此文件使用语言版本 %[1]s；本 netlab 支持版本 %[2]d"},
	FileNoVersion:    {"no such version of the language: %[1]s; this netlab knows version %[2]d", "没有语言版本 %[1]s；本 netlab 支持版本 %[2]d"},
	FileAllowed:      {"allowed: %[1]s", "允许：%[1]s"},
	FileAllowedMore:  {"allowed: %[1]s and %[2]d more", "允许：%[1]s 等，另有 %[2]d 个"},
	FileDidYouMean:   {"did you mean %[1]s?", "是不是想写 %[1]s？"},
	FileMoreErrors:   {"and %[1]d more errors", "另有 %[1]d 处错误"},
	FileInVariant:    {"variant %[1]s", "变体 %[1]s"},

	ValueUnknownKey:  {"unknown key", "未知的键"},
	ValueMissingKey:  {"missing key %[1]s", "缺少键 %[1]s"},
	ValueNoKind:      {"no kind is given", "没有给出种类"},
	ValueManyKinds:   {"only one kind may be given; %[1]s stands already", "只能给出一个种类；已有 %[1]s"},
	ValueWrongKind:   {"this is %[1]s; want %[2]s", "这里是%[1]s，应为%[2]s"},
	ValueEmpty:       {"no value; give one or leave the key out", "没有值；请给出值或去掉此键"},
	ValueEmptyText:   {"the text is empty", "文本是空的"},
	ValueTooFew:      {"at least %[1]d needed, %[2]d given", "至少需要 %[1]d 个，给出了 %[2]d 个"},
	ValueTooMany:     {"at most %[1]d allowed, %[2]d given", "最多允许 %[1]d 个，给出了 %[2]d 个"},
	ValueUnknownWord: {"unknown word %[1]s", "未知的词 %[1]s"},
	ValueNotNumber:   {"%[1]s is not a whole number", "%[1]s 不是整数"},
	ValueQuoted:      {"%[1]s is text; a number has no quotes", "%[1]s 是文本；数字不加引号"},
	ValueOutOfBounds: {"%[1]s is not within %[2]s to %[3]s", "%[1]s 不在 %[2]s 到 %[3]s 之间"},
	ValueNotDuration: {"%[1]s is not a duration such as 60ms, 1.5s, 2m", "%[1]s 不是时长，应如 60ms、1.5s、2m"},
	ValueNoUnit:      {"the duration %[1]s has no unit", "时长 %[1]s 没有单位"},
	ValueNotSize:     {"%[1]s is not a size such as 6, 64kB, 100MiB", "%[1]s 不是大小，应如 6、64kB、100MiB"},
	ValueNotAddress:  {"%[1]s is not an address with prefix length, such as 10.0.0.1/24", "%[1]s 不是带前缀长度的地址，应如 10.0.0.1/24"},
	ValueNoLength:    {"the address %[1]s has no prefix length", "地址 %[1]s 没有前缀长度"},
	ValueNotHost:     {"%[1]s cannot be the address of a host", "%[1]s 不能作为主机地址"},
	ValueNotNetwork:  {"%[1]s is not a network such as %[2]s, nor none", "%[1]s 既不是网络（如 %[2]s），也不是 none"},
	ValueHostBits:    {"%[1]s is an address in a network; the network is %[2]s", "%[1]s 是网络中的地址；网络是 %[2]s"},
	ValueNotPorts:    {"%[1]s is not a range of ports such as 2122-2141", "%[1]s 不是端口范围，应如 2122-2141"},
	ValueNotOnOff:    {"%[1]s is neither on nor off", "%[1]s 既不是 on 也不是 off"},
	ValueLineBreak:   {"a line break is not allowed here", "这里不允许换行"},
	ValueControl:     {"the character %[1]s is not allowed here", "这里不允许字符 %[1]s"},
	ValueTooLong:     {"longer than %[1]d characters", "超过 %[1]d 个字符"},
	ValueWholeSecs:   {"%[1]s is not in whole seconds", "%[1]s 不是整秒"},
	ValueBothBounds:  {"at_least is more than at_most", "at_least 大于 at_most"},
	ValueNoBounds:    {"neither at_least nor at_most is given", "at_least 和 at_most 都没有给出"},
	ValueNotStep:     {"a step is a mapping with one key, its verb; this has %[1]d", "一个步骤是只有一个键（动词）的映射；这里有 %[1]d 个键"},
	ValueNotSegment:  {"%[1]s is not an end and a segment, such as %[2]s", "%[1]s 不是“端 + 报文段”，应如 %[2]s"},
	ValueNotMoment:   {"%[1]s is not a moment, such as %[2]s", "%[1]s 不是时刻，应如 %[2]s"},
	ValueNothingLeft: {"null removes nothing here: the scenario has no such key", "这里的 null 没有可删除的内容：场景中没有此键"},
	ValueFixed:       {"a patch cannot change %[1]s", "补丁不能修改 %[1]s"},

	KindMapping:  {"a mapping", "映射"},
	KindList:     {"a list", "列表"},
	KindText:     {"text", "文本"},
	KindNothing:  {"nothing", "空值"},
	KindTwoEnds:  {"the list of two ends", "两个端的列表"},
	KindPattern:  {"a list of segments", "报文段的列表"},
	KindDuration: {"a duration", "时长"},

	NameBad:        {"%[1]s is not a name: up to %[2]d of a-z 0-9 - _, the first a letter or digit", "%[1]s 不是合法名称：最多 %[2]d 个 a-z 0-9 - _，首字符为字母或数字"},
	NameReserved:   {"%[1]s is a word of the language", "%[1]s 是语言的保留词"},
	NameTaken:      {"the name %[1]s is taken on line %[2]d", "名称 %[1]s 已在第 %[2]d 行使用"},
	NameNotHost:    {"%[1]s is not a host name (RFC 1123)", "%[1]s 不是主机名（RFC 1123）"},
	NameNotSysctl:  {"%[1]s is not the name of a setting below net.", "%[1]s 不是 net. 之下的设置名"},
	NameNotUser:    {"%[1]s is not a user name", "%[1]s 不是用户名"},
	NameNotPath:    {"%[1]s is not a path within the directory", "%[1]s 不是目录之内的路径"},
	NameInPath:     {"%[1]s is also a directory of %[2]s", "%[1]s 同时又是 %[2]s 的目录"},
	NoNode:         {"no node %[1]s", "没有节点 %[1]s"},
	NoNodeOrSwitch: {"no node or switch %[1]s", "没有节点或交换机 %[1]s"},
	NoServer:       {"no server %[1]s", "没有服务器 %[1]s"},
	NoSession:      {"no session %[1]s: it is the name (as) of a step %[2]s", "没有会话 %[1]s：会话是 %[2]s 步骤的名称（as）"},
	SessionLater:   {"session %[1]s is opened only later, by steps[%[2]d]", "会话 %[1]s 要到 steps[%[2]d] 才打开"},
	SessionEnded:   {"session %[1]s was ended by steps[%[2]d]", "会话 %[1]s 已由 steps[%[2]d] 结束"},
	NoStep:         {"no step is named %[1]s", "没有名为 %[1]s 的步骤"},
	StepOpensNone:  {"step %[1]s (%[2]s) opens no connection", "步骤 %[1]s（%[2]s）不打开连接"},
	NoConnection:   {"no connection %[1]s", "没有连接 %[1]s"},
	NoEnd:          {"connection %[1]s has no end %[2]s", "连接 %[1]s 没有 %[2]s 这一端"},
	EndsOneNode:    {"both ends of connection %[1]s are on node %[2]s: write opener or acceptor", "连接 %[1]s 的两端都在节点 %[2]s 上：请写 opener 或 acceptor"},
	NoTally:        {"%[1]s is not the name of an expectation, such as %[2]s", "%[1]s 不是预期的名称，应如 %[2]s"},

	LinkEnds:         {"a link has two ends, %[1]d given", "一条链路有两个端，给出了 %[1]d 个"},
	LinkToItself:     {"both ends are %[1]s", "两端都是 %[1]s"},
	LinkOfSwitches:   {"%[1]s and %[2]s are both switches; one end must be a node", "%[1]s 和 %[2]s 都是交换机；至少一端须是节点"},
	SwitchSetting:    {"%[1]s is a switch; only a node can have this", "%[1]s 是交换机；只有节点才能有此设置"},
	AddressesNoLink:  {"node %[1]s has no link to bear addresses", "节点 %[1]s 没有可承载地址的链路"},
	AddressesOfLinks: {"node %[1]s has %[2]d links; give the addresses at the links' ends", "节点 %[1]s 有 %[2]d 条链路；请在链路的端上给出地址"},
	AddressesTwice:   {"node %[1]s has addresses of its own already, on line %[2]d", "节点 %[1]s 在第 %[2]d 行已有自己的地址"},
	AddressTaken:     {"address %[1]s is taken on line %[2]d", "地址 %[1]s 已在第 %[2]d 行使用"},
	WrongFamily:      {"%[1]s is not %[2]s", "%[1]s 不是 %[2]s 的"},
	FamilyMissing:    {"the lab has no %[1]s: addressing.%[2]s is none", "实验室没有 %[1]s：addressing.%[2]s 为 none"},
	MTUTooSmall:      {"%[1]d is less than the 1280 bytes that IPv6 needs (RFC 8200); for less, set addressing.ipv6 to none", "%[1]d 小于 IPv6 所需的 1280 字节（RFC 8200）；若要更小，请将 addressing.ipv6 设为 none"},
	PortTaken:        {"port %[1]d of node %[2]s is taken by server %[3]s", "节点 %[2]s 的端口 %[1]d 已被服务器 %[3]s 占用"},
	PortInRange:      {"port %[1]d of server %[2]s lies within", "服务器 %[2]s 的端口 %[1]d 落在其中"},
	FilesAndDir:      {"files and dir exclude each other", "files 和 dir 不能同时给出"},
	OnlyWith:         {"of no use without %[1]s", "没有 %[1]s 时不起作用"},
	ExcludesKey:      {"%[1]s and %[2]s exclude each other", "%[1]s 和 %[2]s 不能同时给出"},
	OneOfKeys:        {"either %[1]s or %[2]s must be given", "必须给出 %[1]s 或 %[2]s"},
	NothingExpected:  {"nothing is expected here; a verdict needs something to judge", "这里没有任何预期；没有可评判的内容就没有结论"},
	SameMoment:       {"from and to are the same moment", "from 和 to 是同一时刻"},
}
