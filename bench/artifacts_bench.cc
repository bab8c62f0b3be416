// What it takes to hand an artifact from one step to the next: saved to the local repository and materialised, beside
// packing and unpacking it (`tar czf`, `tar xzf`: what Argo does, less the network) and copying it (`cp -a`).
//
//   artifacts_bench [DIRECTORY] [ROUNDS]
//
// Prints the median of the rounds in milliseconds and how many times as long as the repository each takes. "again" is
// an artifact whose content the repository has already. Programs are timed with their start (about 2 ms). They leave
// what they wrote in memory; the repository has it on the disk.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "daemon/artifacts/local_repository.h"

namespace gantry::artifacts {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "artifacts_bench: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error().message);
  return std::move(*result);
}

double milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

void shell(const std::string& command) {
  if (std::system(command.c_str()) != 0) give_up("failed: " + command);
}

/// Text that gzip makes about a third of, as logs and sources are.
std::string text(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string result;
  result.reserve(size + 32);
  while (result.size() < size) {
    result += "line " + std::to_string(random()) + " of some build output, rc=";
    result += std::to_string(random() % 7) + "\n";
  }
  result.resize(size);
  return result;
}

struct Times {
  std::vector<double> first, again, materialise, tar, copy;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(const std::string& name, const std::string& base, int rounds,
             const std::function<void(const std::string& path, unsigned seed)>& make) {
  const std::string source = base + "/source/out";
  const std::string work = base + "/work";
  Times times;
  for (int round = 0; round < rounds; ++round) {
    std::filesystem::remove_all(base + "/source");
    std::filesystem::create_directories(base + "/source");
    make(source, static_cast<unsigned>(round));
    std::filesystem::remove_all(work);
    std::filesystem::create_directories(work);
    ::sync();
    shell("cat $(find " + source + " -type f | head -20000) > /dev/null");

    auto repository = must(LocalRepository::open(work + "/repository", Limits{}));
    const Staged staged = must(Staged::open(source));
    times.first.push_back(milliseconds([&] { must(repository->save(staged, "wf/a/out.tgz", {})); }));
    times.again.push_back(milliseconds([&] { must(repository->save(staged, "wf/b/out.tgz", {})); }));
    times.materialise.push_back(
        milliseconds([&] { must(repository->materialise("wf/a/out.tgz", {})); }));
    times.tar.push_back(milliseconds([&] {
      shell("tar -C " + base + "/source -czf " + work + "/out.tgz out && mkdir " + work +
            "/untar && tar -C " + work + "/untar -xzf " + work + "/out.tgz");
    }));
    times.copy.push_back(milliseconds([&] { shell("cp -a " + source + " " + work + "/copy"); }));
  }
  const double first = median(times.first), again = median(times.again);
  const double materialise = median(times.materialise);
  const double tar = median(times.tar), copy = median(times.copy);
  std::printf("%-22s save %7.0f  again %7.0f  materialise %6.1f  tar czf+xzf %7.0f  cp -a %6.0f\n",
              name.c_str(), first, again, materialise, tar, copy);
  std::printf("%-22s save+materialise: tar takes %.1f times as long, cp -a %.2f times; again: %.1f, %.2f\n",
              "", tar / (first + materialise), copy / (first + materialise),
              tar / (again + materialise), copy / (again + materialise));
}

int run(const std::string& base, int rounds) {
  measure("one file of 100 MB", base, rounds, [](const std::string& path, unsigned seed) {
    std::ofstream(path, std::ios::binary) << text(100'000'000, seed);
  });
  measure("10,000 files of 2 kB", base, rounds, [](const std::string& path, unsigned seed) {
    for (unsigned i = 0; i < 10'000; ++i) {
      const std::string directory = path + "/d" + std::to_string(i % 100);
      if (i < 100) std::filesystem::create_directories(directory);
      std::ofstream(directory + "/f" + std::to_string(i)) << text(2000, seed * 10'000 + i);
    }
  });
  return 0;
}

}  // namespace
}  // namespace gantry::artifacts

int main(int argc, char** argv) {
  const std::string base = (argc > 1 ? std::string(argv[1]) : std::string("/var/tmp")) +
                           "/gantry-artifacts-bench-" + std::to_string(::getpid());
  std::filesystem::create_directories(base);
  const int status = gantry::artifacts::run(base, argc > 2 ? std::atoi(argv[2]) : 3);
  std::filesystem::remove_all(base);
  return status;
}
