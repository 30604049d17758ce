namespace PipelineOps;

/// <summary>Tells people about failures: a chat, a pager, a mail. Implemented by users.</summary>
public interface IFailureNotifier
{
    /// <summary>Tells about one failure, after it is kept. Called for one failure at a time, and never by a thread that processes records.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="cancellationToken">Cancelled when the stage is disposed.</param>
    ValueTask NotifyAsync(FailureRecord failure, CancellationToken cancellationToken);
}
