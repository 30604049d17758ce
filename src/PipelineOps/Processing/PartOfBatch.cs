using System.Collections;

namespace PipelineOps;

/// <summary>Where the records of a part stand in their batch.</summary>
internal interface IPartOfBatch
{
    int IndexInBatch(int index);

    /// <summary>Where the records of a list stand in the batch that it is a part of; a list that is none is the batch.</summary>
    static int IndexIn(object records, int index) => records is IPartOfBatch part ? part.IndexInBatch(index) : index;
}

/// <summary>Records of a batch that follow each other.</summary>
internal sealed class BatchSlice<T>(IReadOnlyList<T> batch, int start, int count) : IReadOnlyList<T>, IPartOfBatch
{
    public int Count => count;

    public T this[int index] => (uint)index < (uint)count ? batch[start + index] : throw new ArgumentOutOfRangeException(nameof(index));

    public int IndexInBatch(int index) => IPartOfBatch.IndexIn(batch, start + index);

    public IEnumerator<T> GetEnumerator()
    {
        for (int i = 0; i < count; i++)
            yield return batch[start + i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Records of a batch that do not follow each other.</summary>
internal sealed class BatchSelection<T>(IReadOnlyList<T> batch, int[] indexes) : IReadOnlyList<T>, IPartOfBatch
{
    public int Count => indexes.Length;

    public T this[int index] => batch[indexes[index]];

    public int IndexInBatch(int index) => IPartOfBatch.IndexIn(batch, indexes[index]);

    public IEnumerator<T> GetEnumerator() => indexes.Select(index => batch[index]).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>A record of a batch alone, or what a recovery made of it: to the outside it stays the record that it is in the batch.</summary>
internal sealed class OneOfBatch<T>(T record, IReadOnlyList<T> batch, int place) : IReadOnlyList<T>, IPartOfBatch
{
    public int Count => 1;

    public T this[int index] => index == 0 ? record : throw new ArgumentOutOfRangeException(nameof(index));

    public int IndexInBatch(int index) => IPartOfBatch.IndexIn(batch, place + index);

    public IEnumerator<T> GetEnumerator()
    {
        yield return record;
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
