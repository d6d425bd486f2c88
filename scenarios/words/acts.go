package words

// What the judge and the reports say about gates, and about runs in lockstep.
const (
	CheckGateLost     ID = "check.gate_lost"     // count, what
	CheckGateRefused  ID = "check.gate_refused"  // frame, why
	CheckInjected     ID = "check.injected"      // frame, rule
	CheckNeverMatched ID = "check.never_matched" // predicate
	CheckMatchedLate  ID = "check.matched_late"  // predicate
	CheckMissed       ID = "check.missed"        // predicate, why
	CheckSeePasses    ID = "check.see_passes"
	CheckLockstepAcks ID = "check.lockstep_acks" // end
	CheckLockstepTime ID = "check.lockstep_time"
	CheckSetAcks      ID = "check.set_acks"
	CheckObserveFree  ID = "check.observe_free"
	CheckByHand       ID = "check.by_hand"
	CheckRunFree      ID = "check.run_free"

	ReportGate           ID = "report.gate"            // link, what
	ReportRule           ID = "report.rule"            // rule, times
	ReportGatePassed     ID = "report.gate_passed"     // frames
	ReportLockstep       ID = "report.lockstep"        // observers
	ReportLockstepChosen ID = "report.lockstep_chosen" // observers
	ReportLockstepBlind  ID = "report.lockstep_blind"  //

	ReportLockstepChosenBlind ID = "report.lockstep_chosen_blind"

	ReportInLockstep    ID = "report.in_lockstep"    //
	ReportInjected      ID = "report.injected"       // segment
	ReportInjectedShort ID = "report.injected_short" // segment
	ReportDelayed       ID = "report.delayed"        //
	ReportDelayedFor    ID = "report.delayed_for"    // duration
	ReportReordered     ID = "report.reordered"      //
	ReportArrives       ID = "report.arrives"        //
	ReportFINWaited     ID = "report.fin_waited"     // frame
	ReportHeldFor       ID = "report.held_for"       // duration
	ReportDropped       ID = "report.dropped"        // rule
	ReportImpaired      ID = "report.impaired"       //
	ReportRefused       ID = "report.refused"        // why
	ReportStillHeld     ID = "report.still_held"     // rule
	ReportDelayedOver   ID = "report.delayed_over"   // rule
	ReportReorderedOver ID = "report.reordered_over" // rule
	ReportMerged        ID = "report.merged"         //
	ReportDuplicated    ID = "report.duplicated"     // rule, copies
	ReportCorrupted     ID = "report.corrupted"      // rule
	ReportMended        ID = "report.mended"         // rule
	ReportHeldAtEnd     ID = "report.held_at_end"    // link, frames
	ReportHeldFrame     ID = "report.held_frame"     // what, rule
	ReportByImpair      ID = "report.by_impair"      //
	ReportByHand        ID = "report.by_hand"        //
	ReportInjectedCount ID = "report.injected_count" // count
	ReportGateReset     ID = "report.gate_reset"     //
)

// actTexts is what is said of them.
var actTexts = texts{
	CheckGateLost:     {"the gate lost %[1]d frames (%[2]s), which nobody ordered", "闸门丢失了 %[1]d 帧（%[2]s），并非出自任何规则"},
	CheckGateRefused:  {"the gate could not pass on frame %[1]d (%[2]s), which nobody ordered", "闸门无法转发第 %[1]d 帧（%[2]s），并非出自任何规则"},
	CheckInjected:     {"frame %[1]d was made by the gate (%[2]s), not sent by either end", "第 %[1]d 帧由闸门伪造（%[2]s），两端都没有发送"},
	CheckNeverMatched: {"no frame came that it matches: %[1]s", "没有出现与之匹配的帧：%[1]s"},
	CheckMatchedLate:  {"no frame came that it matches before the lab was taken down: %[1]s", "在拆除实验环境之前没有出现与之匹配的帧：%[1]s"},
	CheckMissed:       {"it acted on no frame: %[1]s; %[2]s", "它没有作用于任何帧：%[1]s；%[2]s"},
	CheckSeePasses:    {"netlab step shows what passes", "用 netlab step 查看实际经过的帧"},
	CheckLockstepAcks: {"in lockstep every frame waits for the observers, and %[1]s delays its ACKs: whether one goes by itself depends on the waiting", "锁步观察时每一帧都要等待观察者，而 %[1]s 延迟发送 ACK：ACK 是否单独发出取决于等待的时间"},
	CheckLockstepTime: {"in lockstep every frame waits for the observers: times and timers are not those of an undisturbed run", "锁步观察时每一帧都要等待观察者：时间和定时器与不受干扰的运行不同"},
	CheckSetAcks:      {"acks: immediate on the link, or observe: free", "在链路上设置 acks: immediate，或者 observe: free"},
	CheckByHand:       {"frames were let on by hand: what was sent before what, when, and how often, depends on that", "帧由人工放行：发送的先后、时间和次数都取决于此"},
	CheckRunFree:      {"netlab run", "netlab run"},
	CheckObserveFree:  {"observe: free", "设置 observe: free"},

	ReportGate:           {"gate  %[1]s: %[2]s", "闸门  %[1]s：%[2]s"},
	ReportRule:           {"%[1]s matched %[2]d", "%[1]s 匹配 %[2]d 次"},
	ReportGatePassed:     {"%[1]d frames passed", "经过 %[1]d 帧"},
	ReportLockstep:       {"observed in lockstep: frames and closes waited for %[1]s", "锁步观察：每一帧和每次关闭都等待 %[1]s 查看"},
	ReportLockstepChosen: {"observed in lockstep (no bpf): frames and closes waited for %[1]s", "锁步观察（没有 bpf）：每一帧和每次关闭都等待 %[1]s 查看"},
	ReportLockstepBlind:  {"observed in lockstep, but nobody looked: no sockdiag, no ss", "锁步观察，但没有观察者查看：没有 sockdiag，也没有 ss"},

	ReportLockstepChosenBlind: {"observed in lockstep (no bpf), but nobody looked: no sockdiag, no ss", "锁步观察（没有 bpf），但没有观察者查看：没有 sockdiag，也没有 ss"},

	ReportInLockstep:    {"in lockstep", "锁步观察"},
	ReportInjected:      {"injected %[1]s", "注入 %[1]s"},
	ReportInjectedShort: {"inj. %[1]s", "注入 %[1]s"},
	ReportDelayed:       {"delayed", "被延迟"},
	ReportDelayedFor:    {"delayed %[1]s", "延迟 %[1]s"},
	ReportReordered:     {"reordered", "乱序到达"},
	ReportArrives:       {"arrives", "到达"},
	ReportFINWaited:     {"the FIN was queued since frame %[1]d: something before it was missing.", "FIN 自第 %[1]d 帧起排队：它之前的数据尚未到齐。"},
	ReportHeldFor:       {"held %[1]s", "截留 %[1]s"},
	ReportDropped:       {"dropped by the gate: rule %[1]s.", "被闸门丢弃：规则 %[1]s。"},
	ReportImpaired:      {"dropped by the gate: the link's impairment.", "被闸门丢弃：链路的损伤设置。"},
	ReportRefused:       {"the gate could not pass it on: %[1]s.", "闸门无法转发：%[1]s。"},
	ReportStillHeld:     {"still held by the gate at the end: rule %[1]s.", "到结束时仍被闸门截留：规则 %[1]s。"},
	ReportDelayedOver:   {"delayed beyond the end: rule %[1]s.", "延迟到运行结束之后：规则 %[1]s。"},
	ReportReorderedOver: {"set back behind frames that did not come before the end: rule %[1]s.", "被推迟到后续帧之后，而后续帧在结束前没有出现：规则 %[1]s。"},
	ReportMerged:        {"a repetition of what the gate held.", "是闸门已截留的报文段的重复。"},
	ReportDuplicated:    {"duplicated by the gate, %[2]d more: rule %[1]s.", "被闸门多发 %[2]d 份：规则 %[1]s。"},
	ReportCorrupted:     {"corrupted by the gate, dropped by its receiver: rule %[1]s.", "被闸门破坏，接收方丢弃：规则 %[1]s。"},
	ReportMended:        {"changed by the gate, with a checksum that fits: rule %[1]s.", "被闸门篡改，校验和已修正：规则 %[1]s。"},
	ReportHeldAtEnd:     {"held at the end by the gate of %[1]s: %[2]s", "结束时仍被 %[1]s 的闸门截留：%[2]s"},
	ReportHeldFrame:     {"%[1]s (%[2]s)", "%[1]s（%[2]s）"},
	ReportByImpair:      {"impairment", "损伤设置"},
	ReportByHand:        {"by hand", "手动"},
	ReportInjectedCount: {"%[1]d injected", "其中注入 %[1]d 个"},
	ReportGateReset:     {"reset by the gate", "被闸门复位"},
}
