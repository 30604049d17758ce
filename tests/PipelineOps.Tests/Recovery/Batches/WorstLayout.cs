namespace PipelineOps.Tests.Recovery.Batches;

/// <summary>
/// The layout of k bad records among n that costs an isolation the most calls, found by dynamic programming over (position, bad records left). It needs the
/// sizes of the groups, so the published rule is written down here a second time; halving is the same as everywhere.
/// </summary>
internal sealed class WorstLayout(int count, int k, int witnesses)
{
    private readonly Dictionary<int, int[]> _searches = [];

    // By bad records left and position: the most calls from there on, and the offset of the next bad record, or -1 if the next group is good.
    private readonly int[,] _calls = new int[k + 1, count + 1];
    private readonly int[,] _choice = new int[k + 1, count + 1];

    public (int Calls, bool[] Bad) Find()
    {
        for (int left = 0; left < k; left++)
        {
            for (int position = count - Math.Max(1, left); position >= 1; position--)
                Decide(left, position, GroupLength(position, k - left), 1);
        }

        // The call of the whole batch, which fails.
        Decide(k, 0, count, 1);
        return (_calls[k, 0], Read());
    }

    private void Decide(int left, int position, int length, int call)
    {
        // Nothing but bad records so far: the search has given up.
        if (position == k - left && position > witnesses)
            return;

        int rest = count - position;
        (int most, int choice) = rest - length >= left && position > 0 ? (call + _calls[left, position + length], -1) : (-1, -1);
        int[] search = SearchCalls(length);
        for (int offset = 0; left > 0 && offset < length && rest - offset - 1 >= left - 1; offset++)
        {
            int calls = call + search[offset] + _calls[left - 1, position + offset + 1];
            if (calls > most)
                (most, choice) = (calls, offset);
        }

        (_calls[left, position], _choice[left, position]) = (most, choice);
    }

    private bool[] Read()
    {
        bool[] bad = new bool[count];
        for (int left = k, position = 0; left > 0 && (position != k - left || position <= witnesses);)
        {
            if (_choice[left, position] is >= 0 and int offset)
            {
                bad[position + offset] = true;
                position += offset + 1;
                left--;
            }
            else
                position += GroupLength(position, k - left);
        }

        return bad;
    }

    private int GroupLength(int position, int found)
    {
        if (found == position)
            return 1;

        int rest = count - position;
        if (found >= 8 && (double)found / position > 0.3)
            return 1;

        double even = Math.Log(2) / (found / (position + count / 2.0));
        return even >= rest ? rest : (int)Math.Pow(2, Math.Floor(Math.Log2(Math.Max(1, even))));
    }

    // How many calls it takes from the failure of so many records to that of the first bad one alone, by its offset.
    private int[] SearchCalls(int length)
    {
        if (!_searches.TryGetValue(length, out int[]? calls))
        {
            calls = new int[length];
            for (int offset = 0; offset < length; offset++)
            {
                (int from, int to, bool called) = (0, length, true);
                while (to - from > 1)
                {
                    int middle = from + (to - from) / 2;
                    called = offset < middle;
                    (from, to) = called ? (from, middle) : (middle, to);
                    calls[offset]++;
                }

                calls[offset] += called ? 0 : 1;
            }

            _searches[length] = calls;
        }

        return calls;
    }
}
