# The seeded bugs: number, file, what stands there, what is to stand there. mutation_test.cc names them.

mutation(1 call.cc
  [[    calls_waiting_.erase(&call);
    locks_.release(&call);]]
  [[    calls_waiting_.erase(&call);
    if (!MUTATED(1)) locks_.release(&call);]])

mutation(2 engine.cc
  [[live.active_pods >= *live.run.plan->parallelism]]
  [[live.active_pods >= *live.run.plan->parallelism + (MUTATED(2) ? 1 : 0)]])

mutation(3 graph.cc
  [[      bool accepted = node->phase == Phase::Failed ? task.continue_on.failed : task.continue_on.error;]]
  [[      bool accepted = !MUTATED(3) && (node->phase == Phase::Failed ? task.continue_on.failed : task.continue_on.error);]])

mutation(4 hook.cc
  [[(!ended || !workflow::is_completed(node.phase))) continue;]]
  [[!MUTATED(4) && (!ended || !workflow::is_completed(node.phase))) continue;]])

mutation(5 retry.cc
  [[if (retry.limit && retry.attempts > *retry.limit)]]
  [[if (retry.limit && retry.attempts + (MUTATED(5) ? 1 : 0) > *retry.limit)]])

mutation(6 pod.cc
  [[  pod.made->spec.reset();
  durable_effect(StartPod{pod.id});]]
  [[  pod.made->spec.reset();
  if (MUTATED(6)) {
    now_effect(StartPod{pod.id});
  } else {
    durable_effect(StartPod{pod.id});
  }]])

mutation(7 task.cc
  [[graph.active >= *call.tmpl->parallelism)) {]]
  [[graph.active >= *call.tmpl->parallelism + (MUTATED(7) ? 1 : 0))) {]])

mutation(8 pod.cc
  [[    durable_effect(RemovePod{pod.id});]]
  [[    if (!MUTATED(8)) durable_effect(RemovePod{pod.id});]])

mutation(9 task.cc
  [[  record.unfinished = static_cast<Index>(items->size());]]
  [[  if (MUTATED(9) && items->size() > 2) items->pop_back();
  record.unfinished = static_cast<Index>(items->size());]])

mutation(10 graph.cc
  [[  if (!t.depends.evaluate(ask)) {]]
  [[  if (!MUTATED(10) && !t.depends.evaluate(ask)) {]])

mutation(11 run.cc
  [[(live.run.status.shutdown != Shutdown::Terminate || live.is_stored(name));]]
  [[(MUTATED(11) || live.run.status.shutdown != Shutdown::Terminate || live.is_stored(name));]])

mutation(12 pod.cc
  [[  admission_.release(pod.place);]]
  [[  if (!MUTATED(12) || pod.place.wanted->cpu_milli == 0) admission_.release(pod.place);]])

mutation(13 retry.cc
  [[  if (now_ < until && retry.limit]]
  [[  if (!MUTATED(13) && now_ < until && retry.limit]])

mutation(14 task.cc
  [[  run_hooks(call, task, m, true);
}]]
  [[  if (MUTATED(14)) return member_done(call, task, m);
  run_hooks(call, task, m, true);
}]])
