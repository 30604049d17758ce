using System.Threading.Channels;

namespace PipelineOps;

/// <summary>Tells the age of the record that a channel gives next.</summary>
internal sealed class ChannelAge<T>(ChannelReader<T> reader, Func<T, DateTimeOffset?> eventTime, bool isTimed, TimeProvider timeProvider)
{
    // Where no record has ever had a time, an empty channel has no age either: zero would say that all is well.
    private volatile bool _isTimed = isTimed;

    public TimeSpan? Read()
    {
        if (!reader.TryPeek(out T? record))
            return _isTimed ? TimeSpan.Zero : null;

        if (eventTime(record) is not { } time)
            return null;

        _isTimed = true;
        return timeProvider.GetUtcNow() - time;
    }
}
