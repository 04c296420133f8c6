"""Pointwise ops, copies, sums, the product, and GroupSort."""
import numpy as np

from .case import Normal, Op, largest, row


@row("pointwise: a + b")
class Add(Op):
    arrays = 2

    def exact(self, a, b):
        return a + b, np.abs(a) + np.abs(b)

    def in_torch(self, torch, out, a, b):
        return torch.add(a, b, out=out)

    def in_jax(self, jnp, a, b):
        return a + b


@row("pointwise: tanh")
class Tanh(Op):
    def exact(self, x):
        return largest(np.tanh(x))

    def in_torch(self, torch, out, x):
        return torch.tanh(x, out=out)

    def in_jax(self, jnp, x):
        return jnp.tanh(x)


@row("copy: transposition")
class Transposition(Op):
    def exact(self, x):
        return x.T, np.abs(x.T)

    def in_torch(self, torch, out, x):
        return x.t().contiguous() if out is None else out.copy_(x.t())

    def in_jax(self, jnp, x):
        return x.T


@row("reduce: sum of all")
class SumOfAll(Op):
    def exact(self, x):
        return x.sum(), np.abs(x).sum()

    def in_torch(self, torch, out, x):
        return torch.sum(x)

    def in_jax(self, jnp, x):
        return x.sum()


@row("reduce: sum over rows")
class SumOverRows(Op):
    def exact(self, x):
        return x.sum(0), np.abs(x).sum(0)

    def in_torch(self, torch, out, x):
        return torch.sum(x, 0, out=out)

    def in_jax(self, jnp, x):
        return x.sum(0)


@row("reduce: norms of rows")
class Norms(Op):
    def exact(self, x):
        norms = np.sqrt((x * x).sum(1))
        return norms, norms

    def in_torch(self, torch, out, x):
        return torch.linalg.vector_norm(x, dim=1, out=out)

    def in_jax(self, jnp, x):
        return jnp.linalg.norm(x, axis=1)


@row("product")
class Product(Op):
    def inputs(self):
        m, n, k = self.numbers
        numbers = Normal()
        return {"a": numbers(m, k), "b": numbers(k, n)}

    def exact(self, a, b):
        return a @ b, np.abs(a) @ np.abs(b)

    def in_torch(self, torch, out, a, b):
        return torch.mm(a, b, out=out)

    def in_jax(self, jnp, a, b):
        return a @ b


class GroupSort(Op):
    """By the smaller and the larger of two, for each comparison of a sorting network: in both libraries several times as fast as
    to sort along an axis."""
    group, network = 0, ()  # pairs of places to compare, in this order

    def exact(self, x):
        values = np.sort(x.reshape(len(x), -1, self.group), -1).reshape(x.shape)
        return values, np.abs(values)

    def in_torch(self, torch, out, x):
        out = torch.empty_like(x) if out is None else out
        columns, sorted_columns = (list(array.view(len(x), -1, self.group).unbind(-1)) for array in (x, out))
        for i, (a, b) in enumerate(self.network):
            last = [None if any(place in later for later in self.network[i + 1:]) else sorted_columns[place] for place in (a, b)]
            columns[a], columns[b] = torch.minimum(columns[a], columns[b], out=last[0]), torch.maximum(columns[a], columns[b], out=last[1])
        return out

    def in_jax(self, jnp, x):
        columns = [x[:, i::self.group] for i in range(self.group)]
        for a, b in self.network:
            columns[a], columns[b] = jnp.minimum(columns[a], columns[b]), jnp.maximum(columns[a], columns[b])
        return jnp.stack(columns, -1).reshape(x.shape)


@row("group_sort: pairs")
class Pairs(GroupSort):
    group, network = 2, ((0, 1),)


@row("group_sort: groups of 4")
class GroupsOf4(GroupSort):
    group, network = 4, ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2))
