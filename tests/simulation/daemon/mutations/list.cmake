# The seeded bugs of the whole daemon: number, file, what stands there, what is to stand there. mutation_test.cc names them.

mutation(1 effects.cc
  [[  for (Effect& effect : output.durable) gathered_.effects.push_back(std::move(effect));]]
  [[  for (Effect& effect : output.durable) {
    if (MUTATED(1)) carry_out(std::move(effect));
    else gathered_.effects.push_back(std::move(effect));
  }]])

mutation(2 effects.cc
  [[  pod.labels.emplace(kInstanceLabel, instance_);]]
  [[  if (!MUTATED(2)) pod.labels.emplace(kInstanceLabel, instance_);]])

mutation(3 engine.cc
  [[  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_exited(*call, exit);]]
  [[  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_exited(*call, exit);
  else if (auto again = impl_->pods_.find(pod); MUTATED(3) && again != impl_->pods_.end() && again->second.live != nullptr) {
    --again->second.live->active_pods;
  }]])

mutation(4 effects.cc
  [[  gathered_.waiters.push_back({uid, std::move(durable), false});]]
  [[  if (MUTATED(4)) durable({});
  else gathered_.waiters.push_back({uid, std::move(durable), false});]])

mutation(5 daemon.cc
  [[    effects_.remove_stranger(pod.id);]]
  [[    if (!MUTATED(5)) effects_.remove_stranger(pod.id);]])

mutation(6 recovery.cc
  [[    effects_.apply(engine_.restore(std::move(run.info), std::move(recovered.plan),
                                   std::move(run.status), std::move(run.nodes), now()));]]
  [[    auto output = engine_.restore(std::move(run.info), std::move(recovered.plan),
                                  std::move(run.status), std::move(run.nodes), now());
    if (MUTATED(6)) std::erase_if(output.now, [](const auto& effect) { return std::holds_alternative<engine::SetTimer>(effect); });
    effects_.apply(std::move(output));]])

mutation(7 pod.cc
  [[  call.node->start_intended = true;
  pod.units.reset();]]
  [[  if (!MUTATED(7)) call.node->start_intended = true;
  pod.units.reset();]])

mutation(8 effects.cc
  [[  apply(engine_.forget(uid, hooks_.now()));]]
  [[  auto forgotten = engine_.forget(uid, hooks_.now());
  if (MUTATED(8)) std::erase_if(forgotten.durable, [](const Effect& effect) { return std::holds_alternative<engine::RemovePod>(effect); });
  apply(std::move(forgotten));]])

mutation(9 node.cc
  [[(node.life > 0 ? "-r" + std::to_string(node.life) : "");]]
  [[(node.life > 0 && !MUTATED(9) ? "-r" + std::to_string(node.life) : "");]])

mutation(10 retry.cc
  [[    case Policy::OnTransientError: return node.phase == Phase::Error && node.message.starts_with("TaskLost");]]
  [[    case Policy::OnTransientError: return node.phase == Phase::Error && (MUTATED(10) || node.message.starts_with("TaskLost"));]])

mutation(11 effects.cc
  [[    runtime_->remove_claims(claims->run_uid);]]
  [[    if (!MUTATED(11)) runtime_->remove_claims(claims->run_uid);]])

mutation(12 effects.cc
  [[  gathered_.batch = *std::exchange(sent_batch_, {});]]
  [[  if (!MUTATED(12)) gathered_.batch = *std::exchange(sent_batch_, {});]])

mutation(13 store_schema.cc
  [[static Result<void> configure(Database& database) {]]
  [[static Result<void> configure(Database& database) {
  if (MUTATED(13)) {
    return database.script("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;");
  }]])

mutation(14 store_schema.cc
  [[  auto busy = database.query_integer("PRAGMA wal_checkpoint(TRUNCATE)");]]
  [[  if (MUTATED(14)) return {};
  auto busy = database.query_integer("PRAGMA wal_checkpoint(TRUNCATE)");]])

mutation(14 store_log.cc
  [[  const std::string log = path + "-wal";]]
  [[  if (MUTATED(14)) return {};
  const std::string log = path + "-wal";]])

mutation(15 pod.cc
  [[    now_effect(AdoptPod{name_space, std::move(*pod.made->spec), pod.made->artifacts});]]
  [[    if (!MUTATED(15)) now_effect(AdoptPod{name_space, std::move(*pod.made->spec), pod.made->artifacts});]])

mutation(16 effects.cc
  [[  gathered_.add_deleted(uid);
  gathered_.waiters.push_back({"", std::move(durable), false});]]
  [[  gathered_.add_deleted(uid);
  if (MUTATED(16) && durable) durable({});
  else gathered_.waiters.push_back({"", std::move(durable), false});]])

mutation(17 effects.cc
  [[  for (auto& row : later.batch.nodes) gathered_.add(std::move(row));]]
  [[  for (auto& row : later.batch.nodes) {
    if (!MUTATED(17)) gathered_.add(std::move(row));
  }]])

mutation(18 pod.cc
  [[  spec->labels[kSpecHashLabel] = built->texts.text();]]
  [[  if (!MUTATED(18)) spec->labels[kSpecHashLabel] = built->texts.text();]])
