#pragma once

// The protocol of CNI plugins
// (https://github.com/containernetworking/cni/blob/spec-v1.0.0/SPEC.md): a program, a configuration
// on its standard input, parameters in its environment, JSON on its standard output. Any thread;
// blocks.

#include <string>

#include "base/error.h"

namespace gantry::containerd {

struct CniCall {
  std::string command;    ///< ADD or DEL
  std::string container;  ///< CNI_CONTAINERID
  std::string net_namespace;
  std::string interface = "eth0";
};

/// Runs the plugin `program` (in `directory`, where it also finds those it delegates to) and
/// returns what it printed. The plugin's own words when it fails; DeadlineExceeded after ten
/// seconds.
Result<std::string> call_plugin(const std::string& directory, const std::string& program,
                                const std::string& configuration, const CniCall& call);

/// The first address of ADD's result, without its prefix. DataLoss: the answer cannot be
/// understood.
Result<std::string> address_in(const std::string& cni_result);

}  // namespace gantry::containerd
