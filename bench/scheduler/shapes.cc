#include "bench/scheduler/shapes.h"

#include <cmath>
#include <random>
#include <stdexcept>

namespace gantry::bench {
namespace {

Shape chain(Index tasks) {
  Shape shape{tasks, {}, {}};
  for (Index i = 1; i < tasks; ++i) shape.edges.emplace_back(i - 1, i);
  return shape;
}

Shape fan(Index tasks) {
  Shape shape{tasks, {}, {}};
  for (Index i = 1; i + 1 < tasks; ++i) shape.edges.emplace_back(0, i);
  for (Index i = 1; i + 1 < tasks; ++i) shape.edges.emplace_back(i, tasks - 1);
  return shape;
}

Shape grid(Index tasks) {
  const auto side = static_cast<Index>(std::lround(std::sqrt(tasks)));
  Shape shape{side * side, {}, {}};
  for (Index row = 0; row < side; ++row) {
    for (Index column = 0; column < side; ++column) {
      const Index task = row * side + column;
      if (column + 1 < side) shape.edges.emplace_back(task, task + 1);
      if (row + 1 < side) shape.edges.emplace_back(task, task + side);
    }
  }
  return shape;
}

Shape layered(Index tasks) {
  constexpr int kInEdges = 3;
  const auto width = static_cast<Index>(std::lround(std::sqrt(tasks)));
  Shape shape{width * width, {}, {}};
  std::mt19937 random(1);
  for (Index layer = 1; layer < width; ++layer) {
    for (Index i = 0; i < width; ++i) {
      for (int edge = 0; edge < kInEdges; ++edge) {
        shape.edges.emplace_back((layer - 1) * width + random() % width, layer * width + i);
      }
    }
  }
  return shape;
}

Shape draw(const std::string& name, Index tasks) {
  if (name == "chain") return chain(tasks);
  if (name == "fan") return fan(tasks);
  if (name == "grid") return grid(tasks);
  if (name == "layered") return layered(tasks);
  throw std::invalid_argument("no shape " + name);
}

}  // namespace

Shape make_shape(const std::string& name, Index tasks) {
  Shape shape = draw(name, tasks);
  shape.topology = workflow::build_topology(shape.count, shape.edges);
  return shape;
}

std::size_t Shape::plan_bytes() const {
  return sizeof(Index) * (topology.dependency_count.capacity() + topology.first_successor.capacity() +
                          topology.successors.capacity() + topology.height.capacity());
}

}  // namespace gantry::bench
