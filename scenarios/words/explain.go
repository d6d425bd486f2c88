package words

// What explains scenarios: netlab list and netlab show.
const (
	ExplainTaught     ID = "explain.taught"     // id, sentence
	ExplainClaim      ID = "explain.claim"      // claim
	ExplainSteps      ID = "explain.steps"      //
	ExplainNamed      ID = "explain.named"      // name
	ExplainVariants   ID = "explain.variants"   // scenario
	ExplainMutations  ID = "explain.mutations"  // scenario
	ExplainFails      ID = "explain.fails"      // expectations
	ExplainGuess      ID = "explain.guess"      // scenario
	ExplainReferences ID = "explain.references" //

	ListTopic     ID = "list.topic"         // name, title, how many scenarios
	ListSentences ID = "list.sentences"     // how many
	NoCollection  ID = "list.no_collection" // name, topics
	HelpListLong  ID = "help.list.long"
	HelpNames     ID = "help.list.names"
	HelpShowLong  ID = "help.show.long"
	HelpAnswer    ID = "help.show.answer"
	HelpSource    ID = "help.show.source"
	HelpGlossary  ID = "help.glossary"
	HelpLayers    ID = "help.layers"
	LayersPage    ID = "help.layers.page"
)

// explainTexts is what this part of the house says.
var explainTexts = texts{
	ExplainTaught:     {"taught (%[1]s): %[2]s", "课上说（%[1]s）：%[2]s"},
	ExplainClaim:      {"put to the test: %[1]s", "待检验：%[1]s"},
	ExplainSteps:      {"what is done:", "步骤："},
	ExplainNamed:      {"(%[1]s)", "（%[1]s）"},
	ExplainVariants:   {"variants (netlab run %[1]s --variant NAME):", "变体（netlab run %[1]s --variant NAME）："},
	ExplainMutations:  {"mutations, in which expectations must fail (netlab run %[1]s --mutations):", "变异，其中的预期必须失败（netlab run %[1]s --mutations）："},
	ExplainFails:      {"fails: %[1]s", "失败：%[1]s"},
	ExplainGuess:      {"What will come of it? Guess first, then: netlab run %[1]s. What was found, and why: netlab show %[1]s --answer", "结果会怎样？请先猜一猜，再运行 netlab run %[1]s。结论与理由：netlab show %[1]s --answer"},
	ExplainReferences: {"references:", "参考："},

	ListTopic:    {"%[1]s  %[2]s: %[3]d scenarios; netlab run %[1]s runs them all", "%[1]s  %[2]s：共 %[3]d 个场景；netlab run %[1]s 运行全部"},
	NoCollection: {"%[1]q is no topic and no set%[2]s\n  allowed: %[3]s", "%[1]q 既不是主题，也不是一组场景%[2]s\n  允许：%[3]s"},
	HelpListLong: {`List the scenarios of the gallery by topic, and the sets of scenarios; with
arguments only these topics and sets.`, `按主题列出内置场景，以及成组的场景；给出参数时只列出这些主题和组。`},
	HelpNames: {"print the names alone, one on each line", "只输出名称，每行一个"},
	HelpShowLong: {`Explain a scenario of the gallery: the sentence that is taught, the lab, and what
is done there. What comes of it is told only with --answer.`, `讲解一个内置场景：课上的说法、实验环境、所作的步骤。只有加上 --answer 才给出结果。`},
	HelpAnswer: {"tell what was found, and why", "给出结论与理由"},
	HelpLayers: {"The models of OSI and of the Internet side by side, and where they disagree", "OSI 模型与 TCP/IP 模型对照，以及它们的分歧"},
	LayersPage: {`The models of OSI and of the Internet (RFC 1122) side by side, with what is found
in frames, and where the models and the frames disagree.

  OSI             Internet      in a frame            where they disagree
  7 application   application   HTTP FTP SMTP         DNS and DHCP stand directly in UDP;
                                DNS DHCP              DHCP serves the network layer
  6 presentation  application   nothing               JPEG, MPEG and ASCII are what is
                                                      carried: no header, no exchange
  5 session       application   nothing               TLS, SSH and RPC stand directly in
                                                      TCP, RPC in UDP too
  4 transport     transport     TCP UDP               ICMP stands beside them in IP, and
                                                      is counted to layer 3
  3 network       internet      IPv4 IPv6 ICMP        ARP stands beside IP in Ethernet, and
                                                      never leaves the link; IPv6 has
                                                      ICMPv6 instead
  2 data link     link          Ethernet, 802.3       IEEE 802.3 and 802.11 are names of
                                with LLC, ARP         layers 1 and 2 both
  1 physical      link          nothing: it is not    a veth cable has none
                                captured

  netlab run layers        the scenarios, with each frame taken apart
  netlab list layers       what they are about`, `OSI 模型与互联网模型（RFC 1122）对照，帧里实际有什么，以及模型与帧的分歧。

  OSI          互联网    帧里有什么         分歧
  7 应用层     应用层    HTTP FTP SMTP      DNS 和 DHCP 直接装在 UDP 里；
                         DNS DHCP           DHCP 为网络层服务
  6 表示层     应用层    无                 JPEG、MPEG、ASCII 是被运送的内容：
                                            没有首部，没有交互
  5 会话层     应用层    无                 TLS、SSH、RPC 直接装在 TCP 里，
                                            RPC 也装在 UDP 里
  4 传输层     传输层    TCP UDP            ICMP 与它们并列装在 IP 里，却算作第 3 层
  3 网络层     网际层    IPv4 IPv6 ICMP     ARP 与 IP 并列装在以太网帧里，
                                            从不离开本链路；IPv6 改用 ICMPv6
  2 数据链路层 链路层    以太网；802.3      IEEE 802.3 和 802.11 同时包括
                         与 LLC；ARP        第 1 层和第 2 层
  1 物理层     链路层    无：不会被捕获     veth“线缆”没有物理层

  netlab run layers        这些场景，逐层拆开每一种帧
  netlab list layers       它们各讲什么`},
	HelpGlossary: {"The terms of the course, in English and Chinese", "课程术语，英汉对照"},
	HelpSource:   {"print the scenario's file instead, to be changed and run", "改为输出场景文件，可以修改后运行"},
}
